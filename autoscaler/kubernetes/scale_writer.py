"""Asks for replicas through the `scale` subresource (`Scale`).

More pods, and none at all, are asked for at once. Fewer pods are asked for when the idlest are
marked, left alone by activators, and idle (`core.departures`): each call takes the next step of
that, and until the last one the cluster shows the old number, so that the control loop calls again.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable

from autoscaler.kubernetes.core.departures import Candidate, choose_departures, may_depart
from autoscaler.kubernetes.core.manifests import Owner
from autoscaler.kubernetes.leadership import Leadership
from autoscaler.kubernetes.pods_of_workloads import MARK
from autoscaler.kubernetes.view import KubernetesView
from servingkit.clock import monotonic
from servingkit.cluster.kubernetes.api import ApiClient, ApiError
from servingkit.cluster.kubernetes.core.names import LEAVING, POD_DELETION_COST, private_name
from servingkit.cluster.kubernetes.core.resource import PODS, SERVICES
from servingkit.cluster.protocols import ClusterError
from servingkit.core.revision import Pod, PodState, RevisionId

_MOST_TRIES = 5
_FIRST_PAUSE_S = 0.05

_ASK_AGAIN_S = 5.0
"""By then our cache shows what was written, unless somebody has written something else since."""

_MARKED_KINDS = frozenset(("Deployment", "ReplicaSet"))
"""Kinds whose pods go by deletion cost; a StatefulSet's go by number."""

ConcurrencyOf = Callable[[Pod], Awaitable[float | None]]
"""Asks a pod how many requests are in it; None: no answer."""


class _Departure:
    """Pods of one revision that are about to go."""

    def __init__(self, now: float) -> None:
        self.began_at = now
        self.names: frozenset[str] = frozenset()
        self.marks_seen_at: float | None = None
        self.asked_at: float | None = None
        """When fewer replicas were asked for. None: not yet."""

    def just_asked(self, now: float) -> bool:
        """Tell whether our cache may still be behind what was written."""
        return self.asked_at is not None and now - self.asked_at < _ASK_AGAIN_S


class ScaleWriter:
    """Reads replicas from the cache of workloads, and patches them."""

    def __init__(
        self,
        api: ApiClient,
        view: KubernetesView,
        leadership: Leadership,
        concurrency_of: ConcurrencyOf,
    ) -> None:
        self._api = api
        self._view = view
        self._leadership = leadership
        self._concurrency_of = concurrency_of
        self._departures: dict[RevisionId, _Departure] = {}
        self._written: dict[RevisionId, int] = {}
        leadership.on_begin(self._departures.clear)
        leadership.on_begin(self._written.clear)

    def __repr__(self) -> str:
        return f"<ScaleWriter {len(self._departures)} revisions about to shrink>"

    async def get_scale(self, revision: RevisionId) -> int:
        """Return the replicas asked for now. Raises ClusterError."""
        _, replicas = self._find(revision)
        return replicas

    async def set_scale(self, revision: RevisionId, replicas: int) -> None:
        """Ask for `replicas` pods, 0 or more. Raises ClusterError."""
        owner, present = self._find(revision)
        if not (0 < replicas < present and owner.kind in _MARKED_KINDS):
            if revision in self._departures:
                await self._keep_all(revision)
            # Our cache may be behind what we wrote last.
            if not replicas == present == self._written.get(revision, present):
                await self._patch(owner, replicas)
        elif await self._prepare(revision, replicas):
            await self._patch(owner, replicas)
            self._departures[revision].asked_at = monotonic()

    async def wake(self, owner: Owner) -> None:
        """Ask for one pod of a workload that is in no cache any more. Raises ClusterError."""
        await self._patch(owner, 1)

    async def tidy(self, revision: RevisionId) -> bool:
        """Take marks away that have done their work, or that nobody needs. Raises ClusterError.

        False while they still choose who goes: then it has to be looked at again.
        """
        departure = self._departures.get(revision)
        if departure is None and not self._has_marks(revision):
            return True
        if departure is not None and departure.asked_at is None:
            # The control loop has it in hand.
            return True
        if departure is not None and departure.just_asked(monotonic()):
            return False
        if len(self._staying(revision)) > await self.get_scale(revision):
            return False
        await self._keep_all(revision)
        return True

    def _find(self, revision: RevisionId) -> tuple[Owner, int]:
        found = self._view.workloads.find(revision)
        if found is None:
            self._written.pop(revision, None)
            message = f"there is no workload {revision}"
            raise ClusterError(message)
        owner, workload = found
        return owner, workload.spec.replicas

    def _staying(self, revision: RevisionId) -> list[Pod]:
        pods = self._view.pods.pods(revision)
        return [pod for pod in pods if pod.state is not PodState.TERMINATING]

    # --- fewer pods ------------------------------------------------------------------------------

    async def _prepare(self, revision: RevisionId, replicas: int) -> bool:
        """Take the next step towards fewer pods; True when they may be asked for."""
        now = monotonic()
        departure = self._departures.setdefault(revision, _Departure(now))
        if departure.just_asked(now):
            return False
        ready = [pod for pod in self._staying(revision) if pod.state is PodState.READY]
        # Pods that are not ready go first by themselves.
        count = len(ready) - replicas
        if count <= 0:
            return True
        chosen = choose_departures(await self._candidates(revision, ready), count)
        names = frozenset(candidate.name for candidate in chosen)
        if names != departure.names:
            departure.names = names
            departure.marks_seen_at = None
        await self._mark(revision, names)
        if departure.marks_seen_at is None and self._marks_are_seen(revision, names):
            departure.marks_seen_at = now
        return may_depart(
            chosen, marks_seen_at=departure.marks_seen_at, began_at=departure.began_at, now=now
        )

    async def _candidates(self, revision: RevisionId, ready: Iterable[Pod]) -> list[Candidate]:
        asked = tuple(ready)
        marked = self._view.pods.marked(revision)
        loads = await asyncio.gather(*(self._concurrency_of(pod) for pod in asked))
        return [
            Candidate(pod.name, load, pod.name in marked, pod.created_at)
            for pod, load in zip(asked, loads, strict=True)
        ]

    # --- marks -----------------------------------------------------------------------------------

    def _has_marks(self, revision: RevisionId) -> bool:
        return bool(self._view.leaving(revision) or self._view.pods.marked(revision))

    def _marks_are_seen(self, revision: RevisionId, names: frozenset[str]) -> bool:
        return self._view.pods.marked(revision) == names == self._view.leaving(revision)

    async def _keep_all(self, revision: RevisionId) -> None:
        """Take all marks away: no pod is about to go."""
        self._departures.pop(revision, None)
        await self._mark(revision, frozenset())

    async def _mark(self, revision: RevisionId, names: frozenset[str]) -> None:
        """Mark these pods and no others, for activators and for Kubernetes."""
        if names != self._view.leaving(revision):
            self._leadership.require()
            changes = {"metadata": {"annotations": {LEAVING: ",".join(sorted(names)) or None}}}
            service = private_name(revision.name)
            await self._api.patch(SERVICES, revision.namespace, service, changes)
        for pod in sorted(names ^ self._view.pods.marked(revision)):
            self._leadership.require()
            await self._annotate_pod(revision.namespace, pod, MARK if pod in names else None)

    async def _annotate_pod(self, namespace: str, name: str, cost: str | None) -> None:
        changes = {"metadata": {"annotations": {POD_DELETION_COST: cost}}}
        try:
            await self._api.patch(PODS, namespace, name, changes)
        except ApiError as error:
            if not error.not_found:
                raise

    # --- the number ------------------------------------------------------------------------------

    async def _patch(self, owner: Owner, replicas: int) -> None:
        """Write the number; somebody else's change at the same moment is no reason to give up."""
        namespace, name = owner.revision
        changes = {"spec": {"replicas": replicas}}
        pause_s = _FIRST_PAUSE_S
        for tries_left in reversed(range(_MOST_TRIES)):
            self._leadership.require()
            try:
                await self._api.patch(owner.resource, namespace, name, changes, subresource="scale")
            except ApiError as error:
                if not error.conflict or not tries_left:
                    raise
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 -- no secret
                pause_s *= 2
            else:
                self._written[owner.revision] = replicas
                return
