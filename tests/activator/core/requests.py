"""A request as core code sees it, and pods, for tests."""

import random

from activator.core.claim import Claim
from activator.core.lb_policy import RandomBelow
from activator.core.pod_tracker import PodTracker
from servingkit.core.revision import Pod, PodState
from tests.fakes.cluster import pod


class FakeRequest:
    def __init__(self, name: str = "", claim: Claim | None = None) -> None:
        self.name = name
        self.claim = claim or Claim()
        self.arrival = 0
        self.waiting = False
        self.failed_at: PodTracker | None = None

    def __repr__(self) -> str:
        return f"<FakeRequest {self.name}>"


def tracker(
    name: str = "pod",
    container_concurrency: int = 1,
    *,
    in_flight: int = 0,
    state: PodState = PodState.READY,
) -> PodTracker:
    made = PodTracker(pod(name, state), container_concurrency)
    made.in_flight = in_flight
    return made


def ready_pods(*names: str) -> list[Pod]:
    return [pod(name) for name in names]


def seeded() -> RandomBelow:
    return random.Random(1).randrange  # noqa: S311 -- the same draws in each run
