"""One pod as this activator sees it: whether it may be used, and how many requests it has of us.

The pod's limit itself is its sidecar's, which alone sees every request; the count here only saves
attempts that would be refused.
"""

from typing import Final

from servingkit.core.revision import Pod, PodState

_FIRST_EJECTION_S: Final = 1.0
_LONGEST_EJECTION_S: Final = 60.0


class PodTracker:
    """Address, load and health of one pod.

    A pod is usable when the cluster says READY, or when it answered our own probe before the
    cluster got to know; never while it terminates, nor after a connection to it failed, until it
    answers a probe again.

    A pod that takes connections and then fails requests is *ejected* after so many failures in a
    row. Such a pod may well answer probes, so it also stays away for a second, and twice as long
    each time, unless it is the only one; then one failure more ejects it again, and an answer
    clears it.
    """

    __slots__ = (
        "_answered",
        "_failed",
        "_state",
        "address",
        "concurrency_known",
        "container_concurrency",
        "contended",
        "created_at",
        "ejected_until",
        "ejections",
        "failures_in_row",
        "in_flight",
        "name",
        "probing",
        "refusing",
        "scheduled_at",
        "started_at",
    )

    def __init__(self, pod: Pod, container_concurrency: int) -> None:
        """Track `pod`; `container_concurrency` (0: no limit) holds until the pod states its own."""
        self.name = pod.name
        self.address = pod.serving
        self.container_concurrency = container_concurrency
        self.concurrency_known = False
        self.in_flight = 0
        self.refusing = False
        """It said that it is full although we saw a free slot: others use it, too."""
        self.contended = False
        """The last request that went there was refused: others fill it, and have it for now."""
        self.probing = False
        """Somebody asks it right now, over and over."""
        self.failures_in_row = 0
        self.ejections = 0
        """How often it was ejected since it last began an answer."""
        self.ejected_until = 0.0
        self.created_at = pod.created_at
        self.scheduled_at = pod.scheduled_at
        self.started_at = pod.started_at
        self._state = pod.state
        self._answered = False
        self._failed = False

    def __repr__(self) -> str:
        limit = self.container_concurrency or "unlimited"
        health = "usable" if self.usable else "unusable"
        return f"<PodTracker {self.name} {health}, {self.in_flight}/{limit} in flight>"

    @property
    def usable(self) -> bool:
        """Whether requests may go there at all."""
        if self._failed or self._state is PodState.TERMINATING:
            return False
        return self._answered or self._state is PodState.READY

    @property
    def ready(self) -> bool:
        """Whether the cluster says that it serves, whatever we found."""
        return self._state is PodState.READY

    @property
    def serving(self) -> bool:
        """Whether it is known to the cluster, too, as a pod that serves."""
        return self.usable and self._state is PodState.READY

    @property
    def has_slot(self) -> bool:
        """Whether one more request may be tried, given that the pod is usable."""
        if self.refusing:
            return False
        limit = self.container_concurrency
        return limit == 0 or self.in_flight < limit

    def take_slot(self) -> None:
        """Count a request in."""
        self.in_flight += 1

    def free_slot(self) -> None:
        """Count a request out: there is room now, whatever the pod said before."""
        self.in_flight -= 1
        self.refusing = False

    def wants_probe(self, *, in_need: bool) -> bool:
        """Tell whether an answer to a probe would be news.

        Args:
            in_need: requests wait and no pod is ready, so that a starting one should be used at
                once when it answers.
        """
        if self._state is PodState.TERMINATING:
            return False
        if self._failed:
            return True
        if self._state is PodState.READY:
            return not self.concurrency_known
        return in_need and not self._answered

    def refuse(self) -> None:
        """Count a request out that it had no room for, whatever we counted."""
        self.in_flight -= 1
        self.refusing = True
        self.contended = True

    def cluster_says(self, pod: Pod) -> None:
        """Take the cluster's word; a pod that is no longer ready has to prove itself again."""
        if self._state is PodState.READY and pod.state is PodState.STARTING:
            self._answered = False
        self._state = pod.state
        self.scheduled_at = pod.scheduled_at
        self.started_at = pod.started_at

    def probe_passed(self, container_concurrency: int | None) -> None:
        """Take a good answer to a probe; None: it did not state its container concurrency."""
        if container_concurrency is not None:
            self.container_concurrency = container_concurrency
        self.concurrency_known = True
        self._answered = True
        self._failed = False
        self.refusing = False

    def fail(self) -> None:
        """Use it no more until it answers a probe."""
        self._failed = True
        self._answered = False

    def request_failed(self, threshold: int, now: float) -> bool:
        """Count a request that it took and did not answer; True when this ejects it."""
        self.failures_in_row += 1
        if self.failures_in_row < threshold:
            return False
        self.failures_in_row = threshold - 1  # back from it, one more is enough
        self.ejected_until = now + min(_FIRST_EJECTION_S * 2**self.ejections, _LONGEST_EJECTION_S)
        self.ejections += 1
        self.fail()
        return True

    def answer_began(self) -> None:
        """It serves: whatever failed before is forgotten."""
        self.failures_in_row = 0
        self.ejections = 0
