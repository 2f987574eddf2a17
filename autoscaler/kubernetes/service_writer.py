"""Brings a revision's own Services and its HorizontalPodAutoscaler to what they should be."""

import msgspec

from autoscaler.kubernetes.core import hpa, manifests
from autoscaler.kubernetes.core.activator_ports import choose_port
from autoscaler.kubernetes.core.manifests import Json, Owner
from autoscaler.kubernetes.leadership import Leadership
from autoscaler.kubernetes.service_index import ServiceIndex
from autoscaler.kubernetes.view import KubernetesView
from servingkit.cluster.kubernetes.api import ApiClient, ApiError
from servingkit.cluster.kubernetes.core.names import (
    ACTIVATOR_PORT,
    RECORD,
    private_name,
)
from servingkit.cluster.kubernetes.core.objects import ApiObject, ServiceObject, Workload
from servingkit.cluster.kubernetes.core.record import Record, activator_port_of, settings_of
from servingkit.cluster.kubernetes.core.resource import (
    HORIZONTAL_POD_AUTOSCALERS,
    SERVICES,
    Resource,
)
from servingkit.cluster.protocols import ClusterError
from servingkit.core.revision import RevisionId


class ServiceWriter:
    """Writes what differs. Each method raises ClusterError."""

    def __init__(
        self, api: ApiClient, view: KubernetesView, index: ServiceIndex, leadership: Leadership
    ) -> None:
        self._api = api
        self._view = view
        self._index = index
        self._leadership = leadership
        self._allotted: dict[RevisionId, int] = {}
        """Ports given away that our cache may not show yet."""

    async def keep_private(self, owner: Owner, workload: Workload) -> None:
        """Have the private Service select the pods and record the revision."""
        present = self._view.private_service(owner.revision)
        record = Record(owner.uid, owner.kind, settings_of(workload))
        port = self._port(owner.revision, present)
        wanted = manifests.private_service(owner, workload, record, port)
        if present is None:
            await self._create(SERVICES, owner.revision.namespace, wanted)
        elif not _private_agrees(present, wanted):
            await self._patch_service(present, wanted)

    async def keep_public(self, owner: Owner) -> None:
        """Have a public Service of the revision's name, without a selector."""
        namespace, name = owner.revision
        present = self._view.service(namespace, name)
        wanted = manifests.public_service(owner)
        if present is None:
            await self._create(SERVICES, namespace, wanted)
        elif present.spec.selector or _owner_uids(present) != [owner.uid]:
            # Its type and ports are left as they are: a person may have changed them.
            changes = {"metadata": wanted["metadata"], "spec": {}}
            await self._patch_service(present, changes)

    async def keep_autoscaler(self, owner: Owner, spec: Json | None) -> None:
        """Have a HorizontalPodAutoscaler with `spec`; None: have none."""
        namespace, name = owner.revision
        ours = [
            one
            for one in self._view.autoscalers_in(namespace)
            if one.metadata.name == name and manifests.is_ours(one.metadata)
        ]
        if spec is None:
            if ours:
                self._leadership.require()
                await self._api.delete(HORIZONTAL_POD_AUTOSCALERS, namespace, name)
            return
        wanted = manifests.horizontal_pod_autoscaler(owner, spec)
        if not ours:
            await self._create(HORIZONTAL_POD_AUTOSCALERS, namespace, wanted)
            return
        if hpa.agrees(ours[0].spec, spec) and _owner_uids(ours[0]) == [owner.uid]:
            return
        self._leadership.require()
        await self._api.patch(HORIZONTAL_POD_AUTOSCALERS, namespace, name, wanted)

    async def remove(self, revision: RevisionId) -> None:
        """Delete the Services that are ours, and the HorizontalPodAutoscaler."""
        namespace, name = revision
        for one in self._view.autoscalers_in(namespace):
            if one.metadata.name == name and manifests.is_ours(one.metadata):
                self._leadership.require()
                await self._api.delete(HORIZONTAL_POD_AUTOSCALERS, namespace, name)
        await self.remove_public(revision)
        # The private one last: it is by that one that the revision is still known.
        await self._delete(namespace, private_name(name))
        self._allotted.pop(revision, None)

    async def remove_public(self, revision: RevisionId) -> None:
        """Delete the public Service if it is ours."""
        await self._delete(*revision)

    async def _delete(self, namespace: str, name: str) -> None:
        service = self._view.service(namespace, name)
        if service is not None and manifests.is_ours(service.metadata):
            self._leadership.require()
            await self._api.delete(SERVICES, namespace, name, service.metadata.uid)

    def _port(self, revision: RevisionId, present: ServiceObject | None) -> int:
        if present is not None and self._index.keeps_port(present):
            self._allotted.pop(revision, None)
            return activator_port_of(present)
        port = self._allotted.get(revision)
        if port is None:
            taken = self._index.taken_ports.union(self._allotted.values())
            port = choose_port(revision, taken)
        if port is None:
            message = "all activator ports are taken"
            raise ClusterError(message)
        self._allotted[revision] = port
        return port

    async def _create(self, resource: Resource, namespace: str, wanted: Json) -> None:
        self._leadership.require()
        try:
            await self._api.create(resource, namespace, wanted)
        except ApiError as error:
            # It is there, and our cache will show it; then it is looked at again.
            if not error.conflict:
                raise

    async def _patch_service(self, present: ServiceObject, wanted: Json) -> None:
        spec = wanted["spec"]
        assert isinstance(spec, dict)  # noqa: S101 -- as manifests writes it
        # A merge patch keeps what it does not name, so labels that are to go are named.
        gone = dict.fromkeys(present.spec.selector or ())
        changes = {**wanted, "spec": {**spec, "selector": {**gone, **spec.get("selector", {})}}}
        self._leadership.require()
        namespace, name = present.metadata.namespace, present.metadata.name
        await self._api.patch(SERVICES, namespace, name, changes)


def _private_agrees(present: ServiceObject, wanted: Json) -> bool:
    decoded = msgspec.convert(wanted, ServiceObject)
    return (
        all(
            present.metadata.annotation(key) == decoded.metadata.annotation(key)
            for key in (RECORD, ACTIVATOR_PORT)
        )
        and (decoded.metadata.labels or {}).items() <= (present.metadata.labels or {}).items()
        and present.spec.selector == decoded.spec.selector
        and present.spec.ports == decoded.spec.ports
        and _owner_uids(present) == _owner_uids(decoded)
    )


def _owner_uids(one: ApiObject) -> list[str]:
    return [owner.uid for owner in one.metadata.owner_references or ()]
