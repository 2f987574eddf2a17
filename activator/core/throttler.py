"""Shares one revision's pods among its requests: who goes where, who waits, who is turned away.

The sidecar owns the limit of its pod. The count of each `PodTracker` orders preference; when a
sidecar says `queue-full` all the same, other activators use that pod, too: the request goes back to
its place, and the pod is left alone until a slot of ours frees there or `retry_refusing` is called.
Until a request of ours has run there again it is also looked at after all others, so that
activators that fill pods in the same order part ways, each to its own share of the pods.

Nothing here waits or starts anything. `admit` says where a newcomer goes, and after each change
that may have made room (`set_pods`, `free_slot`, `probe_passed`, `retry_refusing`) the caller calls
`next_grant` until it returns None, and starts what it is given.

Worked example, container concurrency 1, pods P and Q: A goes to P, B to Q, C waits. P refuses A
(somebody else's request is there): A waits before C. Q frees B's slot: A goes to Q.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Generic, NamedTuple, Protocol, TypeVar

from activator.core.admission_queue import AdmissionQueue, HeldTotals, QueueLimits
from activator.core.admission_settings import AdmissionSettings
from activator.core.fair_queue import Waiter
from activator.core.lb_policy import (
    LbPolicyName,
    RandomBelow,
    first_available,
    knatives_choice,
    make_lb_policy,
)
from activator.core.pod_tracker import PodTracker
from servingkit.core.revision import Pod


class Placeable(Waiter, Protocol):
    """A request that needs a pod."""

    failed_at: PodTracker | None
    """Where it failed last; another pod is better if there is one."""


PlaceableT = TypeVar("PlaceableT", bound=Placeable)


class Grant(NamedTuple, Generic[PlaceableT]):
    """A request whose turn has come, and the pod whose slot it now has."""

    request: PlaceableT
    pod: PodTracker


class Throttler(Generic[PlaceableT]):
    """The admission queue of one revision and the trackers of its pods."""

    __slots__ = (
        "_container_concurrency",
        "_lb_policy",
        "_lb_policy_name",
        "_queue",
        "_random_below",
        "_settings",
        "_usable",
        "pods",
    )

    def __init__(
        self,
        container_concurrency: int,
        settings: AdmissionSettings,
        totals: HeldTotals,
        random_below: RandomBelow,
    ) -> None:
        """Start without pods. `totals` are those of all throttlers of the process.

        `container_concurrency` (0: no limit) holds for a pod that has not stated its own yet.
        """
        self.pods: tuple[PodTracker, ...] = ()
        self._usable: tuple[PodTracker, ...] = ()
        self._queue: AdmissionQueue[PlaceableT] = AdmissionQueue(_queue_limits(settings), totals)
        self._random_below = random_below
        self._settings = settings
        self._container_concurrency = container_concurrency
        self._lb_policy_name = _lb_policy_name(settings, container_concurrency)
        self._lb_policy = make_lb_policy(self._lb_policy_name, random_below)

    def __repr__(self) -> str:
        return f"<Throttler {len(self._usable)}/{len(self.pods)} pods usable, {self._queue!r}>"

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._queue)

    @property
    def held_bytes(self) -> int:
        """Memory that is reserved for those who wait."""
        return self._queue.held_bytes

    @property
    def lb_policy_name(self) -> LbPolicyName:
        """The policy in force."""
        return self._lb_policy_name

    @property
    def can_serve(self) -> bool:
        """Whether there is a pod that may be used."""
        return bool(self._usable)

    @property
    def cold(self) -> bool:
        """Whether a pod has to be started first: the cluster knows of none that serves."""
        return not self._usable and not any(pod.ready for pod in self.pods)

    @property
    def usable(self) -> Sequence[PodTracker]:
        """The pods that may be used, in the cluster's order."""
        return self._usable

    # --- requests -------------------------------------------------------------------------------

    def admit(self, request: PlaceableT) -> PodTracker | None:
        """Return the pod whose slot a newcomer now has; None: it waits. Raises QueueFullError."""
        queue = self._queue
        queue.number(request)
        if not queue:  # nobody is overtaken
            pod = self._lb_policy(self._usable)
            if pod is not None:
                pod.take_slot()
                return pod
        queue.join(request)
        return None

    def readmit(self, request: PlaceableT) -> None:
        """Let a request that came back from a pod wait where it waited before."""
        self._queue.rejoin(request)

    def leave(self, request: PlaceableT) -> None:
        """Let a request give up; no effect on one that does not wait."""
        self._queue.leave(request)

    def take_waiting(self) -> PlaceableT | None:
        """Take out whoever has waited longest, without a pod: there will be none."""
        return self._queue.take()

    def next_grant(self) -> Grant[PlaceableT] | None:
        """Give a free slot to whoever has waited longest; None: nobody waits, or no slot."""
        request = self._queue.first()
        if request is None:
            return None
        pod = self._pick_for(request)
        if pod is None:
            return None
        self._queue.take()
        pod.take_slot()
        return Grant(request, pod)

    # --- pods -----------------------------------------------------------------------------------

    def configure(self, container_concurrency: int, settings: AdmissionSettings) -> None:
        """Take changed settings; the concurrency holds for pods yet to come."""
        self._container_concurrency = container_concurrency
        self._settings = settings
        self._queue.limits = _queue_limits(settings)
        name = _lb_policy_name(settings, container_concurrency)
        if name is not self._lb_policy_name:
            self._lb_policy_name = name
            self._lb_policy = make_lb_policy(name, self._random_below)

    def set_pods(self, pods: Sequence[Pod]) -> None:
        """Take the cluster's present pods; those that are known keep their counts."""
        known = {tracker.name: tracker for tracker in self.pods}
        trackers = []
        for pod in pods:
            tracker = known.get(pod.name)
            if tracker is None or tracker.address != pod.serving:  # another pod of that name
                tracker = PodTracker(pod, self._container_concurrency)
            tracker.cluster_says(pod)
            trackers.append(tracker)
        self.pods = tuple(trackers)
        self._find_usable()

    def free_slot(self, pod: PodTracker) -> None:
        """A request that had a slot of `pod` is done with it."""
        pod.free_slot()
        if pod.contended:
            pod.contended = False
            self._find_usable()

    def pod_refused(self, pod: PodTracker) -> None:
        """The pod had no room; its slot, which was not there, is given back as well."""
        was_contended = pod.contended
        pod.refuse()
        if not was_contended:
            self._find_usable()

    def pod_failed(self, pod: PodTracker) -> None:
        """The pod could not be reached or does not serve; the slot is given back as well."""
        pod.free_slot()
        pod.fail()
        self._find_usable()

    def request_failed(self, pod: PodTracker, now: float) -> bool:
        """The pod took a request and did not answer it; True when this ejects the pod."""
        ejected = pod.request_failed(self._settings.pod_failure_threshold, now)
        if ejected:
            self._find_usable()
        return ejected

    def retry_refusing(self) -> None:
        """Try pods again that had no room."""
        for pod in self.pods:
            pod.refusing = False

    def doubt_concurrency(self) -> None:
        """Have the pods that have requests of ours asked again how many they take at once."""
        for pod in self._usable:
            if pod.in_flight:
                pod.concurrency_known = False

    def wants_probe(self, pod: PodTracker) -> bool:
        """Tell whether `pod` should be asked, now or again."""
        in_need = self.waiting > 0 and not any(other.serving for other in self._usable)
        return pod in self.pods and pod.wants_probe(in_need=in_need)

    def probe_passed(self, pod: PodTracker, container_concurrency: int | None, now: float) -> bool:
        """The pod answered a probe, and perhaps stated its container concurrency.

        Returns False when it is to be asked again later: it fails requests though it answers
        probes, and others serve.
        """
        if now < pod.ejected_until and self._usable:
            return False
        pod.probe_passed(container_concurrency)
        self._find_usable()
        return True

    # --- inside ---------------------------------------------------------------------------------

    def _pick_for(self, request: PlaceableT) -> PodTracker | None:
        shunned = request.failed_at
        if shunned is not None:
            pod = first_available([pod for pod in self._usable if pod is not shunned])
            if pod is not None:
                return pod
        return self._lb_policy(self._usable)

    def _find_usable(self) -> None:
        usable = [pod for pod in self.pods if pod.usable]
        usable.sort(key=attrgetter("contended"))
        self._usable = tuple(usable)


def _queue_limits(settings: AdmissionSettings) -> QueueLimits:
    return QueueLimits(
        requests=settings.queue_limit,
        held_bytes=settings.queue_limit_bytes,
        tenant_requests=settings.tenant_queue_limit,
        level_requests=settings.priority_queue_limit,
    )


def _lb_policy_name(settings: AdmissionSettings, container_concurrency: int) -> LbPolicyName:
    return settings.lb_policy or knatives_choice(container_concurrency)
