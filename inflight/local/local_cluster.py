"""The local cluster: what Kubernetes is to the other programs, on one machine.

It is the local side of the protocols in `servingkit.cluster.protocols`. It decides nothing
about scale: it starts and stops pods as it is asked, and tells where they are.
"""

import asyncio
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from types import MappingProxyType

from inflight.local.activator_link import ClusterView, RevisionView
from inflight.local.activator_place import ActivatorPlace, activator_hosts
from inflight.local.event import Event
from inflight.local.node import HOST, Node
from inflight.local.ports import activator_ports
from inflight.local.public_endpoint import PublicEndpoint
from inflight.local.replica_set import ReplicaSet
from inflight.local.settings import LocalSettings, RevisionSettings
from servingkit.cluster.protocols import Activator, ClusterError, OnChange, OnRoutesChange
from servingkit.core.revision import Address, Mode, Pod, PodState, Revision, RevisionId
from servingkit.core.revision_state import RevisionState
from servingkit.core.route import Route


class _LocalRevision:
    """A revision with its pods and its public endpoint."""

    def __init__(
        self,
        settings: RevisionSettings,
        revision: Revision,
        replica_set: ReplicaSet,
        endpoint: PublicEndpoint,
    ) -> None:
        self.settings = settings
        self.revision = revision
        self.replica_set = replica_set
        self.endpoint = endpoint
        self.mode = Mode.PROXY
        self.public_port = 0

    def follow(self, activators: Sequence[str]) -> None:
        """Point the public endpoint at what should receive the traffic now."""
        port = self.revision.activator_port
        self.endpoint.follow(self._ready_pods() or [Address(host, port) for host in activators])

    def _ready_pods(self) -> list[Address]:
        if self.mode is Mode.PROXY:
            return []
        return [pod.serving for pod in self.replica_set.pods if pod.state is PodState.READY]


class LocalCluster:
    """All seven protocols, for one machine."""

    def __init__(self, settings: LocalSettings, node: Node) -> None:
        self.any_activator_behind: Callable[[], bool] = lambda: False
        """Tells whether an activator of another process may not know the last change yet."""
        self._node = node
        self._pod_numbers = count(1)
        self._states: dict[RevisionId, RevisionState] = {}
        self._pods_callbacks: list[OnChange] = []
        self._routes = settings.routes
        self._routes_callbacks: list[OnRoutesChange] = []
        self._gateway: PublicEndpoint | None = None
        self._gateway_port = settings.gateway_port or 0
        if settings.gateway_port is not None:
            # Nobody knows of it before an activator is ready, whose port takes this one's place.
            self._gateway = PublicEndpoint([Address(HOST, 0)], settings.endpoint_lag_s)
        self._activators: tuple[ActivatorPlace, ...] = ()
        self._activator_hosts: Sequence[str] = activator_hosts(settings.activators)
        ports = activator_ports()
        self._local = {
            revision.id: self._local_revision(revision, ports.take(), settings.endpoint_lag_s)
            for revision in settings.revisions
        }
        self._revisions = MappingProxyType(
            {name: local.revision for name, local in self._local.items()}
        )

    def __repr__(self) -> str:
        return f"<LocalCluster {[local.replica_set for local in self._local.values()]}>"

    # --- its own life ---

    async def run(self, listening: asyncio.Event) -> None:
        """Serve the public endpoints and keep the pods, until stopped and all pods are gone.

        Sets `listening` when clients can connect. Raises OSError when a port cannot be listened
        on, CommandFailedError when a command never works (both in a group).
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                for local in self._local.values():
                    address = Address(HOST, local.settings.port)
                    local.public_port = await local.endpoint.serve(address, tasks)
                if self._gateway is not None:
                    address = Address(HOST, self._gateway_port)
                    self._gateway_port = await self._gateway.serve(address, tasks)
                listening.set()
                for local in self._local.values():
                    tasks.create_task(local.replica_set.run())
        finally:
            self.stop_accepting()
            for endpoint in self._endpoints():
                endpoint.reset_all()

    def stop_accepting(self) -> None:
        """Close the public ports; open connections go on."""
        for endpoint in self._endpoints():
            endpoint.stop_accepting()

    def stop(self, grace_s: float) -> None:
        """Delete all pods, killing after `grace_s` what is left; then `run` returns."""
        for local in self._local.values():
            local.replica_set.stop(grace_s)

    def url(self, revision: RevisionId) -> str:
        """Return where clients reach a revision, once the cluster listens."""
        return f"http://{HOST}:{self._local[revision].public_port}"

    def gateway_url(self) -> str | None:
        """Return where clients reach all names, once the cluster listens. None: nowhere."""
        return None if self._gateway is None else f"http://{HOST}:{self._gateway_port}"

    # --- Revisions ---

    def revisions(self) -> Mapping[RevisionId, Revision]:
        """Return the revisions; they are the same from start to end."""
        return self._revisions

    def on_revision_change(self, callback: OnChange) -> None:
        """Call back once for each revision."""
        for revision in self._revisions:
            callback(revision)

    # --- Pods ---

    def pods(self, revision: RevisionId) -> tuple[Pod, ...]:
        """Return the pods of a revision, oldest first; empty for an unknown revision."""
        local = self._local.get(revision)
        return () if local is None else local.replica_set.pods

    def on_pods_change(self, callback: OnChange) -> None:
        """Call back when a revision's pods or their states changed."""
        self._pods_callbacks.append(callback)

    # --- Routes ---

    def routes(self) -> tuple[Route, ...]:
        """Return the present routes."""
        return self._routes

    def on_routes_change(self, callback: OnRoutesChange) -> None:
        """Call back when any route changed."""
        self._routes_callbacks.append(callback)

    def set_routes(self, routes: tuple[Route, ...]) -> None:
        """Take changed routes."""
        self._routes = routes
        for callback in self._routes_callbacks:
            callback()

    @property
    def has_gateway(self) -> bool:
        """Whether there is a public port for requests by Host."""
        return self._gateway is not None

    # --- Scale ---

    async def get_scale(self, revision: RevisionId) -> int:
        """Return the pods asked for now. Raises ClusterError for an unknown revision."""
        return self._find(revision).replica_set.replicas

    async def set_scale(self, revision: RevisionId, replicas: int) -> None:
        """Ask for `replicas` pods. Raises ClusterError for an unknown revision."""
        replica_set = self._find(revision).replica_set
        before = replica_set.replicas
        if replicas == before:
            return
        replica_set.scale(replicas)
        self._node.report(
            Event(
                name="scale set",
                revision=revision,
                sentence=f"{revision.name}: {before} → {replicas} pods asked for",
                facts={"before": before, "replicas": replicas},
            )
        )

    # --- PublicEndpoints ---

    async def publish(self, revision: RevisionId, mode: Mode, activators: int) -> None:  # noqa: ARG002 -- there is one
        """Point the revision's listener at its pods or the activator. Raises ClusterError."""
        local = self._find(revision)
        if mode is local.mode:
            return
        local.mode = mode
        local.follow(self._activator_hosts)
        receiver = "its pods" if mode is Mode.SERVE else "the activators"
        self._node.report(
            Event(
                name="endpoints switched",
                revision=revision,
                sentence=f"{revision.name}: traffic goes to {receiver}",
                facts={"mode": mode.value},
            )
        )

    def activators_receive(self, revision: RevisionId) -> bool:
        """Tell whether the listener leads to the activators."""
        return self._find(revision).mode is Mode.PROXY

    def public_address(self, revision: RevisionId) -> Address:
        """Return where the revision's public endpoint listens."""
        return Address(HOST, self._find(revision).public_port)

    # --- RevisionStates ---

    def state(self, revision: RevisionId) -> RevisionState | None:
        """Return what was saved last; it lives as long as this process."""
        return self._states.get(revision)

    async def save_state(self, revision: RevisionId, state: RevisionState) -> None:
        """Keep `state` in memory."""
        self._states[revision] = state

    # --- Activators ---

    def activators(self) -> tuple[Activator, ...]:
        """Return the ready activators, in the order of their names."""
        return tuple(Activator(place.name, place.host) for place in self._activators)

    def set_activators(self, activators: tuple[ActivatorPlace, ...]) -> None:
        """Take which activators are ready, in the order of their names."""
        self._activators = activators
        if activators:  # else public endpoints stay with those that were there last
            self._activator_hosts = [place.host for place in activators]
        for local in self._local.values():
            local.follow(self._activator_hosts)
        if activators and self._gateway is not None:
            self._gateway.follow([Address(place.host, place.port) for place in activators])

    def view(self, version: int) -> ClusterView:
        """Return all that an activator of another process has to know."""
        return ClusterView(
            version=version,
            revisions=tuple(
                RevisionView(local.revision, local.replica_set.pods)
                for local in self._local.values()
            ),
            routes=self._routes,
        )

    # --- inner ---

    def _find(self, revision: RevisionId) -> _LocalRevision:
        local = self._local.get(revision)
        if local is None:
            message = f"no revision {revision}"
            raise ClusterError(message)
        return local

    def _endpoints(self) -> Iterator[PublicEndpoint]:
        for local in self._local.values():
            yield local.endpoint
        if self._gateway is not None:
            yield self._gateway

    def _local_revision(
        self, settings: RevisionSettings, activator_port: int, lag_s: float
    ) -> _LocalRevision:
        backends = [Address(host, activator_port) for host in self._activator_hosts]
        return _LocalRevision(
            settings,
            _as_revision(settings, activator_port),
            self._replica_set(settings),
            PublicEndpoint(backends, lag_s),
        )

    def _replica_set(self, settings: RevisionSettings) -> ReplicaSet:
        def next_name() -> str:
            return f"{settings.id.name}-{next(self._pod_numbers):05d}"

        def pods_changed() -> None:
            self._local[settings.id].follow(self._activator_hosts)
            for callback in self._pods_callbacks:
                callback(settings.id)

        def is_routed(pod: Address) -> bool:
            # An activator in this process has dropped the pod before anybody asks here.
            return self.any_activator_behind() or self._local[settings.id].endpoint.reaches(pod)

        return ReplicaSet(settings, self._node, next_name, pods_changed, is_routed)


def _as_revision(settings: RevisionSettings, activator_port: int) -> Revision:
    return Revision(
        id=settings.id,
        uid=str(uuid.uuid4()),
        annotations=settings.annotations,
        container_concurrency=settings.container_concurrency,
        timeout_s=settings.timeout_s,
        hosts=settings.hosts,
        activator_port=activator_port,
    )
