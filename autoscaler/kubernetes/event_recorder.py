"""Events on workloads: what a person sees in `kubectl describe deployment`.

An Event is named by what it says of which workload, so that saying it again, also after a restart
or by another leader, makes no second one. Kubernetes forgets it after an hour; whoever has said it
says it again no sooner.
"""

import datetime as dt
import logging
from hashlib import blake2b

from autoscaler.kubernetes.core.manifests import Owner
from servingkit.clock import monotonic
from servingkit.cluster.kubernetes.api import ApiClient, ApiError
from servingkit.cluster.kubernetes.core.resource import EVENTS

_log = logging.getLogger(__name__)

_COMPONENT = "inflight-autoscaler"
_MOST_MESSAGE = 1024
_SAY_AGAIN_S = 3600.0


class EventRecorder:
    """Writes Events; one that cannot be written is logged and given up."""

    def __init__(self, api: ApiClient, identity: str) -> None:
        self._api = api
        self._identity = identity
        self._said_at: dict[str, float] = {}
        """When each Event was said, by its digest; the oldest first."""

    async def warn(self, owner: Owner, reason: str, message: str) -> None:
        """Tell of what a person should mend, once."""
        await self._record(owner, "Warning", reason, message, occurrence="")

    async def tell_once(self, owner: Owner, reason: str, message: str) -> None:
        """Tell of what was done, the first time."""
        await self._record(owner, "Normal", reason, message, occurrence="")

    async def tell(self, owner: Owner, reason: str, message: str) -> None:
        """Tell of what was done, each time."""
        await self._record(owner, "Normal", reason, message, occurrence=_now())

    async def _record(
        self, owner: Owner, kind: str, reason: str, message: str, *, occurrence: str
    ) -> None:
        said = f"{owner.uid} {reason} {occurrence} {message}"
        digest = blake2b(said.encode(), digest_size=8).hexdigest()
        if self._has_said(digest):
            return
        revision, now = owner.revision, _now()
        facts = {"revision": str(revision), "reason": reason, "said": message}
        event = {
            "metadata": {"name": f"{revision.name}.{digest}", "namespace": revision.namespace},
            "involvedObject": owner.involved,
            "type": kind,
            "reason": reason,
            "message": message[:_MOST_MESSAGE],
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "source": {"component": _COMPONENT},
            "reportingComponent": _COMPONENT,
            "reportingInstance": self._identity,
        }
        try:
            await self._api.create(EVENTS, revision.namespace, event)
            _log.log(logging.WARNING if kind == "Warning" else logging.INFO, "event", extra=facts)
        except ApiError as error:
            if not error.conflict:  # then it has been said
                _log.warning("event not written", extra={**facts, "error": str(error)})
                return
        self._said_at[digest] = monotonic()

    def _has_said(self, digest: str) -> bool:
        oldest = monotonic() - _SAY_AGAIN_S
        while self._said_at and next(iter(self._said_at.values())) < oldest:
            del self._said_at[next(iter(self._said_at))]
        return digest in self._said_at


def _now() -> str:
    return dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
