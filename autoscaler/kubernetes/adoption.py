"""Takes an existing Service over, keeps it so, and gives it back.

Our slices are there before the selector goes, and the selector is back before our slices go, so
that clients always have endpoints. The selector is kept in an annotation: whatever somebody puts
there later is kept instead, and taken away again. A Service is never owned by us; a finalizer on
the workload makes sure that it is given back.
"""

import asyncio
import logging

import msgspec

from autoscaler.kubernetes.core.manifests import Owner
from autoscaler.kubernetes.event_recorder import EventRecorder
from autoscaler.kubernetes.leadership import Leadership
from autoscaler.kubernetes.slice_writer import SliceWriter
from servingkit.cluster.kubernetes.api import ApiClient
from servingkit.cluster.kubernetes.core.names import (
    ADOPTED_BY,
    FINALIZER,
    KEPT_SELECTOR,
    MANAGED_BY,
    SERVICE_NAME,
    US,
)
from servingkit.cluster.kubernetes.core.objects import EndpointSlice, ServiceObject, Workload
from servingkit.cluster.kubernetes.core.resource import ENDPOINT_SLICES, ENDPOINTS, SERVICES

_log = logging.getLogger(__name__)

_WAIT_FOR_SLICES_S = 10.0
_LOOK_EVERY_S = 0.25


class Adoption:
    """Adopts and gives back Services."""

    def __init__(
        self,
        api: ApiClient,
        leadership: Leadership,
        slices: SliceWriter,
        events: EventRecorder,
    ) -> None:
        self._api = api
        self._leadership = leadership
        self._slices = slices
        self._events = events

    async def set_finalizer(self, owner: Owner, workload: Workload, *, present: bool) -> None:
        """Have the workload's deletion wait for us, or not. Raises ClusterError."""
        finalizers = workload.metadata.finalizers or []
        if present == (FINALIZER in finalizers):
            return
        kept = [one for one in finalizers if one != FINALIZER]
        wanted = [*kept, FINALIZER] if present else kept
        # With the version, since a list is written whole: nobody else's entry is lost.
        metadata = {"finalizers": wanted, "resourceVersion": workload.metadata.resource_version}
        self._leadership.require()
        await self._api.patch(owner.resource, *owner.revision, {"metadata": metadata})

    async def adopt(self, owner: Owner, service: ServiceObject) -> None:
        """Take the Service's traffic from the pods that its selector names. Raises ClusterError.

        To be called once our slices are there, and again whenever the Service has changed.
        """
        namespace, name = service.metadata.namespace, service.metadata.name
        selector = service.spec.selector
        if selector:
            kept = msgspec.json.encode(selector).decode()
            changes = {
                "metadata": {"annotations": {KEPT_SELECTOR: kept, ADOPTED_BY: owner.revision.name}},
                "spec": {"selector": None},
            }
            self._leadership.require()
            await self._api.patch(SERVICES, namespace, name, changes)
            await self._events.tell(
                owner, "ServiceAdopted", f"Service {name} now gets its endpoints from Inflight"
            )
        await self._remove_foreign(namespace, name)

    async def give_back(self, service: ServiceObject) -> None:
        """Put the kept selector back, and leave. Raises ClusterError."""
        namespace, name = service.metadata.namespace, service.metadata.name
        kept = service.metadata.annotation(KEPT_SELECTOR)
        if kept is not None:
            changes = {
                "metadata": {"annotations": {KEPT_SELECTOR: None, ADOPTED_BY: None}},
                "spec": {"selector": service.spec.selector or msgspec.json.decode(kept)},
            }
            self._leadership.require()
            await self._api.patch(SERVICES, namespace, name, changes)
            await self._wait_for_others(namespace, name)
            _log.info("service given back", extra={"namespace": namespace, "service": name})
        await self._slices.remove(namespace, name)

    async def _remove_foreign(self, namespace: str, name: str) -> None:
        """Delete what the selector left behind: it would go on getting traffic."""
        foreign = await self._foreign(namespace, name)
        if not foreign:
            return
        self._leadership.require()
        await self._api.delete(ENDPOINTS, namespace, name)
        for one in foreign:
            self._leadership.require()
            await self._api.delete(ENDPOINT_SLICES, namespace, one.metadata.name)

    async def _wait_for_others(self, namespace: str, name: str) -> None:
        """Wait until Kubernetes' own slices are there, within reason."""
        for _ in range(round(_WAIT_FOR_SLICES_S / _LOOK_EVERY_S)):
            if await self._foreign(namespace, name):
                return
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _foreign(self, namespace: str, name: str) -> list[EndpointSlice]:
        selector = f"{SERVICE_NAME}={name}"
        slices, _ = await self._api.list(EndpointSlice, ENDPOINT_SLICES, namespace, selector)
        return [one for one in slices if one.metadata.label(MANAGED_BY) != US]
