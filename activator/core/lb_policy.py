"""Which pod gets the next request. Knative's choice by container concurrency.

Each policy looks at usable pods, in the cluster's order (the same for every activator), and returns
one with a free slot or None. Few slots a pod: fill pods one after the other, so that idle ones can
go. More: take turns. No limit: two pods at random, and of these the one with less to do, so that
the busiest stays close to the mean (Mitzenmacher, "The power of two choices").
"""

from collections.abc import Callable, Sequence
from typing import Final

from activator.core.pod_tracker import PodTracker

RandomBelow = Callable[[int], int]
"""Returns a random whole number from 0 to below its argument."""

LbPolicy = Callable[[Sequence[PodTracker]], PodTracker | None]

_MOST_TO_FILL: Final = 3


def lb_policy_for(container_concurrency: int, random_below: RandomBelow) -> LbPolicy:
    """Return Knative's policy for pods of this container concurrency (0: no limit)."""
    if container_concurrency == 0:
        return lambda pods: random_of_two(pods, random_below)
    if container_concurrency <= _MOST_TO_FILL:
        return first_available
    return RoundRobin()


def first_available(pods: Sequence[PodTracker]) -> PodTracker | None:
    """Return the first pod with a free slot."""
    for pod in pods:
        if pod.has_slot:
            return pod
    return None


def random_of_two(pods: Sequence[PodTracker], random_below: RandomBelow) -> PodTracker | None:
    """Return the less busy of two pods drawn at random, of those that have a free slot."""
    free = [pod for pod in pods if pod.has_slot]
    if len(free) < 2:  # noqa: PLR2004 -- two choices
        return free[0] if free else None
    first = random_below(len(free))
    second = random_below(len(free) - 1)
    if second >= first:
        second += 1
    return min(free[first], free[second], key=_in_flight)


class RoundRobin:
    """Takes turns, and passes over full pods."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = 0

    def __repr__(self) -> str:
        return f"<RoundRobin next {self._next}>"

    def __call__(self, pods: Sequence[PodTracker]) -> PodTracker | None:
        """Return the next pod with a free slot."""
        count = len(pods)
        for step in range(count):
            index = (self._next + step) % count
            if pods[index].has_slot:
                self._next = index + 1
                return pods[index]
        return None


def _in_flight(pod: PodTracker) -> int:
    return pod.in_flight
