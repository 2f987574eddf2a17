"""A cluster in memory: the six seams, and what was written through them."""

from collections.abc import Mapping, Sequence

from servingkit.cluster.protocols import Activator, OnChange, OnRoutesChange
from servingkit.core.revision import Address, Mode, Pod, PodState, Revision, RevisionId
from servingkit.core.revision_state import RevisionState
from servingkit.core.route import Route

NOWHERE = Address("127.0.0.1", 1)
"""Nothing listens there."""


def pod(
    name: str,
    state: PodState = PodState.READY,
    *,
    stats: Address = NOWHERE,
    serving: Address = NOWHERE,
) -> Pod:
    return Pod(name=name, state=state, serving=serving, stats=stats, created_at=0.0)


class FakeCluster:
    """All six seams in one; pods come only from a test, the newest go when fewer are asked for."""

    def __init__(self) -> None:
        self.replicas: dict[RevisionId, int] = {}
        self.scale_writes: list[tuple[RevisionId, int]] = []
        self.mode_writes: list[tuple[RevisionId, Mode]] = []
        self.activator_counts: dict[RevisionId, int] = {}
        self.bypassing: set[RevisionId] = set()
        """Revisions whose traffic does not go to activators, whatever was published."""

        self.public_addresses: dict[RevisionId, Address] = {}
        self.states: dict[RevisionId, RevisionState] = {}
        self._revisions: dict[RevisionId, Revision] = {}
        self._pods: dict[RevisionId, tuple[Pod, ...]] = {}
        self._activators: tuple[Activator, ...] = ()
        self._revision_watchers: list[OnChange] = []
        self._pods_watchers: list[OnChange] = []
        self._routes: tuple[Route, ...] = ()
        self._routes_watchers: list[OnRoutesChange] = []

    def put_revision(self, revision: Revision, replicas: int = 0) -> None:
        self._revisions = {**self._revisions, revision.id: revision}
        self.replicas.setdefault(revision.id, replicas)
        for watcher in self._revision_watchers:
            watcher(revision.id)

    def remove_revision(self, revision_id: RevisionId) -> None:
        self._revisions = {
            key: value for key, value in self._revisions.items() if key != revision_id
        }
        for watcher in self._revision_watchers:
            watcher(revision_id)

    def put_pods(self, revision_id: RevisionId, *pods: Pod) -> None:
        self._pods[revision_id] = pods
        for watcher in self._pods_watchers:
            watcher(revision_id)

    def put_routes(self, *routes: Route) -> None:
        self._routes = routes
        for watcher in self._routes_watchers:
            watcher()

    def put_activators(self, *names: str) -> None:
        self._activators = tuple(Activator(name, "127.0.0.1") for name in sorted(names))

    def written_pods(self) -> Sequence[int]:
        return [pods for _, pods in self.scale_writes]

    # --- the seams

    def revisions(self) -> Mapping[RevisionId, Revision]:
        return self._revisions

    def on_revision_change(self, callback: OnChange) -> None:
        self._revision_watchers.append(callback)
        for revision_id in self._revisions:
            callback(revision_id)

    def pods(self, revision: RevisionId) -> tuple[Pod, ...]:
        return self._pods.get(revision, ())

    def on_pods_change(self, callback: OnChange) -> None:
        self._pods_watchers.append(callback)

    def routes(self) -> tuple[Route, ...]:
        return self._routes

    def on_routes_change(self, callback: OnRoutesChange) -> None:
        self._routes_watchers.append(callback)

    async def get_scale(self, revision: RevisionId) -> int:
        return self.replicas[revision]

    async def set_scale(self, revision: RevisionId, replicas: int) -> None:
        self.replicas[revision] = replicas
        self.scale_writes.append((revision, replicas))
        self._pods[revision] = self._pods.get(revision, ())[:replicas]

    async def publish(self, revision: RevisionId, mode: Mode, activators: int) -> None:
        self.mode_writes.append((revision, mode))
        self.activator_counts[revision] = activators

    def activators_receive(self, revision: RevisionId) -> bool:
        return revision not in self.bypassing

    def public_address(self, revision: RevisionId) -> Address | None:
        return self.public_addresses.get(revision)

    def state(self, revision: RevisionId) -> RevisionState | None:
        return self.states.get(revision)

    async def save_state(self, revision: RevisionId, state: RevisionState) -> None:
        self.states[revision] = state

    def activators(self) -> tuple[Activator, ...]:
        return self._activators
