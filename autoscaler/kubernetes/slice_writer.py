"""Brings a Service's EndpointSlices that are ours to what they should be."""

import msgspec

from autoscaler.kubernetes.core.manifests import Json
from autoscaler.kubernetes.leadership import Leadership
from servingkit.cluster.kubernetes.api import ApiClient, ApiError
from servingkit.cluster.kubernetes.core.names import MANAGED_BY, SERVICE_NAME, US
from servingkit.cluster.kubernetes.core.objects import EndpointSlice
from servingkit.cluster.kubernetes.core.resource import ENDPOINT_SLICES
from servingkit.cluster.kubernetes.reflector import Key, Reflector
from servingkit.core.revision import RevisionId


class SliceWriter:
    """Creates, patches and deletes slices, and only where something differs."""

    def __init__(
        self, api: ApiClient, ours: Reflector[EndpointSlice], leadership: Leadership
    ) -> None:
        self._api = api
        self._ours = ours
        self._leadership = leadership
        self._service_of: dict[Key, Key] = {}
        self._slices_of: dict[Key, set[Key]] = {}
        ours.on_change(self._slice_changed)

    async def write(self, revision: RevisionId, service: str, slices: dict[str, Json]) -> None:
        """Have the `service` in the revision's namespace lead to `slices`. Raises ClusterError.

        What is new is written before what is old goes, so that there always are endpoints.
        """
        namespace = revision.namespace
        for name, wanted in slices.items():
            present = self._ours.objects.get(Key(namespace, name))
            if present is not None and _agrees(present, wanted):
                continue
            self._leadership.require()
            await self._put(namespace, name, wanted, exists=present is not None)
        for key in tuple(self._slices_of.get(Key(namespace, service), ())):
            if key.name not in slices:
                self._leadership.require()
                await self._api.delete(ENDPOINT_SLICES, namespace, key.name)

    async def remove(self, namespace: str, service: str) -> None:
        """Delete our slices of a Service. Raises ClusterError."""
        # Asked of the API, since our cache may not show yet what was written just now.
        selector = f"{SERVICE_NAME}={service},{MANAGED_BY}={US}"
        ours, _ = await self._api.list(EndpointSlice, ENDPOINT_SLICES, namespace, selector)
        for one in ours:
            self._leadership.require()
            await self._api.delete(ENDPOINT_SLICES, namespace, one.metadata.name)

    def _slice_changed(self, key: Key) -> None:
        one = self._ours.objects.get(key)
        if one is not None:
            service = Key(key.namespace, one.metadata.label(SERVICE_NAME))
            self._service_of[key] = service
            self._slices_of.setdefault(service, set()).add(key)
        elif key in self._service_of:
            service = self._service_of.pop(key)
            self._slices_of[service].discard(key)
            if not self._slices_of[service]:
                del self._slices_of[service]

    async def _put(self, namespace: str, name: str, wanted: Json, *, exists: bool) -> None:
        if not exists:
            try:
                await self._api.create(ENDPOINT_SLICES, namespace, wanted)
            except ApiError as error:
                if not error.conflict:
                    raise
            else:
                return
        await self._api.patch(ENDPOINT_SLICES, namespace, name, wanted)


def _agrees(present: EndpointSlice, wanted: Json) -> bool:
    decoded = msgspec.convert(wanted, EndpointSlice)
    return (
        present.endpoints == decoded.endpoints
        and (present.ports or []) == (decoded.ports or [])
        and [owner.uid for owner in present.metadata.owner_references or ()]
        == [owner.uid for owner in decoded.metadata.owner_references or ()]
    )
