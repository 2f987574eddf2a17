"""What a run saw, second by second: requests as the client saw them, pods as the API told them.

Two records go in, both on one monotonic clock: every request with its begin and end, and samples
of the revision's status. Out comes one `Second` for each second of the run.

Worked example, for a run that began at 100.0. A request from 100.5 to 101.5 was in flight for half
of second 0 and half of second 1, so it adds 0.5 to `in_flight` of each; it ended in second 1, so it
counts there as a request, with its latency of 1000 ms.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SAMPLE_LIFE_S = 2.0
"""A status sample older than this says nothing about the present."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request that ended. `failure` is empty when it was answered as it should."""

    began_at: float
    ended_at: float
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodsSample:
    """A revision's status at one moment, as the control API told it."""

    at: float
    """When the answer came."""

    target_in_flight: float | None
    """Requests in flight that the autoscaler aims at for each pod; None: it counts another way."""

    concurrency: float | None
    """Requests in flight as the autoscaler last counted them; None: it has no count."""

    desired_pods: int | None
    """None: no decision yet."""

    ready_pods: int
    starting_pods: int
    terminating_pods: int
    panicking: bool

    reason: str
    """The last decision in words."""

    @property
    def pods(self) -> int:
        """All pods that there are, in whatever state."""
        return self.ready_pods + self.starting_pods + self.terminating_pods


@dataclass(frozen=True, slots=True, kw_only=True)
class Second:
    """One second of a run. Latencies are of requests answered well that ended in it."""

    t_s: int
    """Seconds from the run's start to the start of this second."""

    in_flight: float
    """Requests begun and not ended, averaged over the second."""

    requests: int
    """Requests that ended, failures among them."""

    failures: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    pods: PodsSample | None
    """The last sample before the second's end; None when there was none for 2 s."""


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the least value that `share` of `ordered` does not exceed; None without values."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _in_flight(requests: Iterable[Request], began_at: float, seconds: int) -> list[float]:
    """Return for each second the time all requests together spent in it."""
    spent_s = [0.0] * seconds
    for request in requests:
        begin, end = request.began_at - began_at, request.ended_at - began_at
        for second in range(max(0, int(begin)), min(seconds, math.ceil(end))):
            spent_s[second] += min(end, second + 1) - max(begin, second)
    return spent_s


def _last_samples(
    samples: Iterable[PodsSample], began_at: float, seconds: int
) -> list[PodsSample | None]:
    """Return for each second the newest sample at its end, unless that is stale."""
    last: list[PodsSample | None] = [None] * seconds
    waiting = iter(sorted(samples, key=lambda sample: sample.at))
    upcoming, newest = next(waiting, None), None
    for second in range(seconds):
        end_at = began_at + second + 1
        while upcoming is not None and upcoming.at < end_at:
            upcoming, newest = next(waiting, None), upcoming
        if newest is not None and end_at - newest.at <= SAMPLE_LIFE_S:
            last[second] = newest
    return last


def seconds_of(
    requests: Sequence[Request], samples: Iterable[PodsSample], began_at: float, ended_at: float
) -> tuple[Second, ...]:
    """Return every second from `began_at` on that began before `ended_at`."""
    seconds = math.ceil(ended_at - began_at)
    ended: list[list[Request]] = [[] for _ in range(seconds)]
    for request in requests:
        ended[min(int(request.ended_at - began_at), seconds - 1)].append(request)
    in_flight = _in_flight(requests, began_at, seconds)
    pods = _last_samples(samples, began_at, seconds)
    return tuple(_second(t_s, in_flight[t_s], ended[t_s], pods[t_s]) for t_s in range(seconds))


def _second(t_s: int, in_flight: float, ended: list[Request], pods: PodsSample | None) -> Second:
    latencies_ms = sorted(
        (request.ended_at - request.began_at) * 1000 for request in ended if not request.failure
    )
    return Second(
        t_s=t_s,
        in_flight=in_flight,
        requests=len(ended),
        failures=len(ended) - len(latencies_ms),
        p50_ms=quantile(latencies_ms, 0.50),
        p95_ms=quantile(latencies_ms, 0.95),
        p99_ms=quantile(latencies_ms, 0.99),
        pods=pods,
    )
