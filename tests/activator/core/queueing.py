"""A throttler before simulated pods, in virtual time: who is served where, and after how long."""

import heapq
import random
from collections.abc import Iterable
from itertools import count
from typing import NamedTuple

from activator.core.admission_queue import HeldTotals, QueueFullError
from activator.core.admission_settings import AdmissionSettings
from activator.core.claim import Claim
from activator.core.pod_tracker import PodTracker
from activator.core.throttler import Throttler
from tests.activator.core.requests import FakeRequest, ready_pods


class Arrival(NamedTuple):
    """A request to come: when, how long it runs, and what it claims."""

    at: float
    service_s: float
    claim: Claim


class Served(NamedTuple):
    """A request that was served: by which pod, and its time from arrival to end."""

    arrival: Arrival
    pod: str
    latency_s: float


NOBODYS = Claim()


def poisson(
    source: random.Random, rate: float, until: float, mean_service_s: float, claim: Claim = NOBODYS
) -> list[Arrival]:
    """Return arrivals at random, with exponential service times."""
    arrivals = []
    now = source.expovariate(rate)
    while now < until:
        arrivals.append(Arrival(now, source.expovariate(1 / mean_service_s), claim))
        now += source.expovariate(rate)
    return arrivals


class Queueing:
    """Plays arrivals; requests that find no place to wait are lost."""

    def __init__(self, settings: AdmissionSettings, pods: int, container_concurrency: int) -> None:
        source = random.Random(7)  # noqa: S311 -- the same draws in each run
        self._throttler: Throttler[FakeRequest] = Throttler(
            container_concurrency, settings, HeldTotals(10**6, 2**40), source.randrange
        )
        self._throttler.set_pods(ready_pods(*(f"pod-{n}" for n in range(pods))))
        self._coming: dict[FakeRequest, Arrival] = {}
        self._ends: list[tuple[float, int, FakeRequest, PodTracker]] = []
        self._tie = count()
        self.served: list[Served] = []
        self.lost = 0

    def play(self, arrivals: Iterable[Arrival]) -> "Queueing":
        """Play all arrivals, and let all that was admitted end."""
        for arrival in sorted(arrivals):
            self._run_until(arrival.at)
            self._admit(arrival)
        self._run_until(float("inf"))
        return self

    def _admit(self, arrival: Arrival) -> None:
        request = FakeRequest(claim=arrival.claim)
        self._coming[request] = arrival
        try:
            pod = self._throttler.admit(request)
        except QueueFullError:
            self.lost += 1
            return
        if pod is not None:
            self._start(request, pod, arrival.at)

    def _start(self, request: FakeRequest, pod: PodTracker, now: float) -> None:
        end = now + self._coming[request].service_s
        heapq.heappush(self._ends, (end, next(self._tie), request, pod))

    def _run_until(self, until: float) -> None:
        while self._ends and self._ends[0][0] <= until:
            now, _, request, pod = heapq.heappop(self._ends)
            arrival = self._coming.pop(request)
            self.served.append(Served(arrival, pod.name, now - arrival.at))
            self._throttler.free_slot(pod)
            while (grant := self._throttler.next_grant()) is not None:
                self._start(grant.request, grant.pod, now)


def p95(values: Iterable[float]) -> float:
    """Return the value that 95 in 100 do not exceed."""
    ordered = sorted(values)
    return ordered[int(len(ordered) * 0.95)]
