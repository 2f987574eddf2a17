"""Keeps the Lease, or waits for it; `core.lease` has the rules.

Each call has a time-out and what fails is tried again, so that a hanging API server ends a
leadership by its deadline and nothing else. On the way out the Lease is given back, and the next
replica leads within its retry period.
"""

import asyncio
import datetime as dt
import logging
from collections.abc import Callable

from autoscaler.kubernetes.core.lease import (
    LEASE_DURATION_S,
    RETRY_PERIOD_S,
    Observed,
    leads,
    may_take,
    observe,
)
from autoscaler.kubernetes.settings import KubernetesSettings
from servingkit.clock import monotonic
from servingkit.cluster.kubernetes.api import ApiClient
from servingkit.cluster.kubernetes.core.objects import Lease
from servingkit.cluster.kubernetes.core.resource import LEASES
from servingkit.cluster.protocols import ClusterError

_log = logging.getLogger(__name__)

_TRY_TIMEOUT_S = 3.0
"""So that a leader has more than one try before its deadline."""


class Leadership:
    """Whether this replica leads; callbacks when that begins."""

    def __init__(self, api: ApiClient, settings: KubernetesSettings) -> None:
        self._api = api
        self._namespace = settings.namespace
        self._name = settings.lease_name
        self._identity = settings.pod_name
        self._pod_uid = settings.pod_uid
        self._observed: Observed | None = None
        self._renewal_began_at: float | None = None
        self._led = False
        self._callbacks: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"<Leadership of {self._identity}: {'leads' if self.leads() else 'waits'}>"

    def leads(self) -> bool:
        """Tell whether this replica may write, as of now."""
        return leads(self._renewal_began_at, monotonic())

    def require(self) -> None:
        """Raise ClusterError unless this replica leads; to be called right before each write."""
        if not self.leads():
            message = "this replica does not lead"
            raise ClusterError(message)

    def on_begin(self, callback: Callable[[], None]) -> None:
        """Call back each time that a leadership begins."""
        self._callbacks.append(callback)

    async def run(self) -> None:
        """Try to lead until cancelled; then give the Lease back."""
        try:
            while True:
                try:
                    async with asyncio.timeout(_TRY_TIMEOUT_S):
                        await self._try()
                except (ClusterError, TimeoutError) as error:
                    level = logging.WARNING if self._led else logging.DEBUG
                    reason = str(error) or "time-out"
                    _log.log(level, "lease not renewed", extra={"reason": reason})
                self._note()
                await asyncio.sleep(RETRY_PERIOD_S)
        finally:
            await self._give_back()

    async def _try(self) -> None:
        began_at = monotonic()
        lease = await self._api.get(Lease, LEASES, self._namespace, self._name)
        if lease is None:
            await self._api.create(
                LEASES, self._namespace, {"metadata": {"name": self._name}, "spec": {}}
            )
            lease = await self._api.get(Lease, LEASES, self._namespace, self._name)
            if lease is None:
                return
        holder, renewed = lease.spec.holder_identity or "", lease.spec.renew_time or ""
        self._observed = observe(self._observed, holder, renewed, monotonic())
        if not may_take(self._observed, self._identity, monotonic()):
            self._renewal_began_at = None
            return
        await self._write(lease, taken=holder != self._identity)
        self._renewal_began_at = began_at

    async def _write(self, lease: Lease, *, taken: bool) -> None:
        now = _now()
        spec: dict[str, object] = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": round(LEASE_DURATION_S),
            "renewTime": now,
        }
        if taken:
            spec |= {
                "acquireTime": now,
                "leaseTransitions": (lease.spec.lease_transitions or 0) + 1,
            }
        metadata: dict[str, object] = {"resourceVersion": lease.metadata.resource_version}
        if self._pod_uid:
            # So that nothing stays of an installation that is gone.
            metadata["ownerReferences"] = [
                {"apiVersion": "v1", "kind": "Pod", "name": self._identity, "uid": self._pod_uid}
            ]
        changes = {"metadata": metadata, "spec": spec}
        await self._api.patch(LEASES, self._namespace, self._name, changes)

    def _note(self) -> None:
        """Log and tell of a change."""
        before, self._led = self._led, self.leads()
        if before == self._led:
            return
        _log.info("leading" if self._led else "not leading", extra={"identity": self._identity})
        if self._led:
            for callback in self._callbacks:
                callback()

    async def _give_back(self) -> None:
        if not self.leads():
            return
        self._renewal_began_at = None
        try:
            lease = await self._api.get(Lease, LEASES, self._namespace, self._name)
            if lease is None or lease.spec.holder_identity != self._identity:
                return
            changes = {
                "metadata": {"resourceVersion": lease.metadata.resource_version},
                "spec": {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _now()},
            }
            await self._api.patch(LEASES, self._namespace, self._name, changes)
        except ClusterError as error:
            _log.warning("lease not given back", extra={"reason": str(error)})
        else:
            _log.info("lease given back", extra={"identity": self._identity})


def _now() -> str:
    return dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
