"""Gathers what a simulation does into spans of a second, and the whole."""

from array import array

from inflight.simulate.core.outcome import Outcome, Span
from inflight.simulate.core.pod_set import PodSet
from inflight.simulate.core.scaling import Scaling
from servingkit.core.request_stats import RequestStats
from servingkit.core.revision import PodState


class Recorder:
    """Gathers the seconds, and what there is to know at the end."""

    def __init__(self) -> None:
        self._in_flight = 0
        self._changed_at = 0.0
        self._request_seconds = 0.0
        """Requests in flight times seconds, in the present second."""

        self._waiting = RequestStats(0.0)
        self._seconds: list[Span] = []
        self._latencies_s = array("d")
        """Of the requests answered in the present second."""

        self._refused = 0
        """In the present second."""

        self._waited = 0
        self._wait_s = 0.0
        self._most_waiting = 0
        self._panics = 0

    def __repr__(self) -> str:
        return f"<Recorder {len(self._seconds)} s, {self._in_flight} in flight>"

    def arrived(self, now: float) -> None:
        """A request came."""
        self._change(1, now)

    def waits(self, now: float) -> None:
        """A request found no free slot, and waits for one."""
        self._waiting.request_arrived(now)
        self._most_waiting = max(self._most_waiting, self._waiting.concurrency)

    def waits_no_more(self, since: float, now: float) -> None:
        """A request that waited has a slot."""
        self._waiting.request_left(now)
        self._waited += 1
        self._wait_s += now - since

    def answered(self, arrived_at: float, now: float) -> None:
        """A request was answered."""
        self._change(-1, now)
        self._latencies_s.append(now - arrived_at)

    def refused(self, now: float) -> None:
        """A request was refused."""
        self._change(-1, now)
        self._refused += 1

    def close_second(self, pods: PodSet, scaling: Scaling, now: float) -> None:
        """Sum up the second that ends now."""
        self._change(0, now)
        count = pods.count()
        plan = scaling.plan
        panicking = plan is not None and plan.is_panicking
        if panicking and not (self._seconds and self._seconds[-1].panicking):
            self._panics += 1
        second = Span(
            begin_s=len(self._seconds),
            length_s=1,
            in_flight=self._request_seconds,
            waiting=self._waiting.report(now).average_concurrency,
            refused=self._refused,
            latencies_s=self._latencies_s,
            desired_pods=plan.desired_pods if plan else count.total(),
            ready_pods=count[PodState.READY],
            starting_pods=count[PodState.STARTING],
            terminating_pods=count[PodState.TERMINATING],
            panicking=panicking,
            reason=scaling.reason,
        )
        self._seconds.append(second)
        self._request_seconds = 0.0
        self._latencies_s = array("d")
        self._refused = 0

    def outcome(self, pods: PodSet, now: float) -> Outcome:
        """Return all that was seen."""
        return Outcome(
            seconds=tuple(self._seconds),
            waited=self._waited,
            wait_s=self._wait_s,
            most_waiting=self._most_waiting,
            unanswered=self._in_flight,
            pod_seconds=pods.pod_seconds(now),
            panics=self._panics,
        )

    def _change(self, requests: int, now: float) -> None:
        """Count requests in or out; a lean RequestStats, since every request passes here twice."""
        self._request_seconds += self._in_flight * (now - self._changed_at)
        self._changed_at = now
        self._in_flight += requests
