"""Writes who receives a revision's traffic, and keeps it true (`PublicEndpoints`).

The public Service has no selector; its EndpointSlices are ours. They name the ready pods, or the
activators that serve the revision, with the revision's own port. Each change of pods, of activators
or of the slices themselves leads to another look. They are never emptied by choice: without a ready
pod there are activators, without those there are pods, and without either things stay as they are.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from autoscaler.kubernetes.core import manifests
from autoscaler.kubernetes.core.manifests import Json, Owner, PortOfSlice
from autoscaler.kubernetes.core.preconditions import (
    adopted_name,
    client_address,
    other_ports,
    public_name,
    request_ports,
)
from autoscaler.kubernetes.leadership import Leadership
from autoscaler.kubernetes.listening_activators import ListeningActivators
from autoscaler.kubernetes.slice_writer import SliceWriter
from autoscaler.kubernetes.view import KubernetesView
from autoscaler.kubernetes.work_queue import WorkQueue
from servingkit.cluster.kubernetes.core.objects import ServiceObject, Workload
from servingkit.cluster.kubernetes.core.record import revision_of_private
from servingkit.cluster.kubernetes.reflector import Key
from servingkit.cluster.protocols import ClusterError, OnChange
from servingkit.core.revision import Address, Mode, Pod, PodState, RevisionId
from servingkit.core.subset import choose_subset

_FIRST_LOOKS = 10
_FIRST_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class _Wanted:
    mode: Mode
    activators: int


class PublicSlices:
    """The public endpoints of all revisions, written by the leader."""

    def __init__(self, view: KubernetesView, writer: SliceWriter, leadership: Leadership) -> None:
        self._view = view
        self._writer = writer
        self._leadership = leadership
        self._listening = ListeningActivators()
        self._wanted: dict[RevisionId, _Wanted] = {}
        self._published: dict[RevisionId, str] = {}
        """The Service that our slices are for."""

        self._to_activators: set[RevisionId] = set()

        self._locks: defaultdict[RevisionId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.queue = WorkQueue("public endpoints", self._follow)
        view.pods.on_pods_change(self._revision_changed)
        view.workloads.on_change(self._revision_changed)
        view.services.on_change(self._service_changed)
        view.on_slice_change(self._revision_changed)
        view.on_activators_change(self._activators_changed)
        self._callbacks: list[OnChange] = []
        leadership.on_begin(self._wanted.clear)
        leadership.on_begin(self._published.clear)
        leadership.on_begin(self._to_activators.clear)

    def __repr__(self) -> str:
        return f"<PublicSlices of {len(self._wanted)} revisions>"

    def is_published(self, revision: RevisionId, service: str) -> bool:
        """Tell whether a Service has slices of ours, as far as this replica knows."""
        return self._published.get(revision) == service

    async def publish(self, revision: RevisionId, mode: Mode, activators: int) -> None:
        """Point the revision's public endpoints at its pods or at activators."""
        self._wanted[revision] = _Wanted(mode, activators)
        await self._write(revision)

    def activators_receive(self, revision: RevisionId) -> bool:
        """Tell whether the slices, as they were last written, name activators."""
        return revision in self._to_activators

    def public_address(self, revision: RevisionId) -> Address | None:
        """Return the public Service's own address, with a port that leads to the model."""
        found = self._view.workloads.find(revision)
        if found is None:
            return None
        workload = found[1]
        service = self._view.service(revision.namespace, public_name(workload))
        return None if service is None else client_address(workload, service)

    def on_first_published(self, callback: OnChange) -> None:
        """Call back when a revision's public Service has slices of ours for the first time."""
        self._callbacks.append(callback)

    def forget(self, revision: RevisionId) -> None:
        """Follow a revision no more; its slices stay."""
        self._wanted.pop(revision, None)
        self._published.pop(revision, None)
        self._to_activators.discard(revision)
        if not self._locks[revision].locked():
            del self._locks[revision]

    async def remove(self, revision: RevisionId) -> None:
        """Delete the slices of a revision's own public Service. Raises ClusterError."""
        async with self._locks[revision]:
            await self._writer.remove(*revision)

    def _revision_changed(self, revision: RevisionId) -> None:
        if revision in self._wanted:
            self.queue.add(revision)

    def _service_changed(self, key: Key) -> None:
        """Look again at the revision: pods that are to go next are named on its private Service."""
        revision = revision_of_private(*key)
        if revision is not None:
            self._revision_changed(revision)

    def _activators_changed(self) -> None:
        self._listening.forget_all_but(self._view.activators())
        for revision in self._wanted:
            self.queue.add(revision)

    async def _follow(self, revision: RevisionId) -> None:
        if self._leadership.leads() and self._view.is_managed(revision):
            await self._write(revision)

    async def _write(self, revision: RevisionId) -> None:
        async with self._locks[revision]:
            await self._write_locked(revision)

    async def _write_locked(self, revision: RevisionId) -> None:
        found = self._view.workloads.find(revision)
        wanted = self._wanted.get(revision)
        if found is None or wanted is None:
            return
        owner, workload = found
        name = public_name(workload)
        service = self._view.service(revision.namespace, name)
        if service is None:
            message = f"there is no Service {name} yet"
            raise ClusterError(message)
        ready = _ready(self._view, revision)
        activators = await self._wanted_activators(revision, wanted, ready)
        slices = self._request_slices(owner, workload, service, activators, ready)
        slices |= _other_slices(owner, workload, service, ready)
        if not activators:
            self._to_activators.discard(revision)
        await self._writer.write(revision, name, slices)
        if activators:
            self._to_activators.add(revision)
        if self._published.get(revision) != name:
            self._published[revision] = name
            for callback in self._callbacks:
                callback(revision)

    async def _wanted_activators(
        self, revision: RevisionId, wanted: _Wanted, ready: list[Pod]
    ) -> list[str]:
        """Return the hosts of the activators that should receive the traffic, if any should."""
        if wanted.mode is Mode.SERVE and ready:
            return []
        port = self._view.activator_port(revision)
        return await self._activators(revision, port, wanted.activators)

    def _request_slices(
        self,
        owner: Owner,
        workload: Workload,
        service: ServiceObject,
        activators: list[str],
        ready: list[Pod],
    ) -> dict[str, Json]:
        """Return the slices for the ports that lead to the model."""
        ports = request_ports(workload, service)
        port = self._view.activator_port(owner.revision)
        hosts = activators
        if not hosts and ready:
            hosts = manifests.addresses_of(pod.serving for pod in ready)
            port = ready[0].serving.port
        if not hosts:
            message = f"no activator listens on port {port} yet, and no pod is ready"
            raise ClusterError(message)
        behind = [PortOfSlice(one, port) for one in ports]
        return manifests.public_slices(owner, service.metadata.name, "inflight", hosts, behind)

    async def _activators(self, revision: RevisionId, port: int, count: int) -> list[str]:
        listening = await self._listening.among(self._view.activators(), port)
        for _ in range(_FIRST_LOOKS):
            # Of a new revision they have heard a moment ago; without it clients would wait a tick.
            if listening or not self._view.activators():
                break
            await asyncio.sleep(_FIRST_LOOK_S)
            listening = await self._listening.among(self._view.activators(), port)
        by_name = {activator.name: activator.host for activator in listening}
        if len(by_name) < len(self._view.activators()):
            self.queue.add_later(revision)
        return [by_name[name] for name in choose_subset(by_name, count, str(revision))]


def _ready(view: KubernetesView, revision: RevisionId) -> list[Pod]:
    leaving = view.leaving(revision)
    return [
        pod
        for pod in view.pods.pods(revision)
        if pod.state is PodState.READY and pod.name not in leaving
    ]


def _other_slices(
    owner: Owner, workload: Workload, service: ServiceObject, ready: Iterable[Pod]
) -> dict[str, Json]:
    """Return the slices for the other ports of an adopted Service: always the pods."""
    if adopted_name(workload) is None:
        return {}
    ports = other_ports(workload, service)
    hosts = manifests.addresses_of(pod.serving for pod in ready)
    if not ports or not hosts:
        return {}
    return manifests.public_slices(owner, service.metadata.name, "inflight-pods", hosts, ports)
