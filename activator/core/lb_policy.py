"""Which pod gets the next request.

Each policy looks at usable pods, in the cluster's order (the same for every activator), and returns
one with a free slot or None. Unless a revision chooses, the policy is Knative's choice by container
concurrency. Few slots a pod: fill pods one after the other, so that idle ones can go. More: take
turns. No limit: two pods at random, and of these the one with less to do, so that the busiest stays
close to the mean (Mitzenmacher, "The power of two choices"). Least loaded looks at all pods, and
spreads requests of uneven length best.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final, assert_never

from activator.core.pod_tracker import PodTracker

RandomBelow = Callable[[int], int]
"""Returns a random whole number from 0 to below its argument."""

LbPolicy = Callable[[Sequence[PodTracker]], PodTracker | None]

_MOST_TO_FILL: Final = 3


class LbPolicyName(Enum):
    """The policies that a revision can choose from."""

    RANDOM_OF_TWO = "random-of-two"
    FIRST_AVAILABLE = "first-available"
    ROUND_ROBIN = "round-robin"
    LEAST_LOADED = "least-loaded"


def knatives_choice(container_concurrency: int) -> LbPolicyName:
    """Return Knative's policy for pods of this container concurrency (0: no limit)."""
    if container_concurrency == 0:
        return LbPolicyName.RANDOM_OF_TWO
    if container_concurrency <= _MOST_TO_FILL:
        return LbPolicyName.FIRST_AVAILABLE
    return LbPolicyName.ROUND_ROBIN


def make_lb_policy(name: LbPolicyName, random_below: RandomBelow) -> LbPolicy:
    """Return a policy at its beginning."""
    match name:
        case LbPolicyName.RANDOM_OF_TWO:
            return lambda pods: random_of_two(pods, random_below)
        case LbPolicyName.FIRST_AVAILABLE:
            return first_available
        case LbPolicyName.ROUND_ROBIN:
            return RoundRobin()
        case LbPolicyName.LEAST_LOADED:
            return LeastLoaded()
    assert_never(name)


def first_available(pods: Sequence[PodTracker]) -> PodTracker | None:
    """Return the first pod with a free slot."""
    for pod in pods:
        if pod.has_slot:
            return pod
    return None


def random_of_two(pods: Sequence[PodTracker], random_below: RandomBelow) -> PodTracker | None:
    """Return the less busy of two pods drawn at random, of those that have a free slot."""
    first, second = _draw_two(pods, random_below)
    if first is None or second is None or not (first.has_slot and second.has_slot):
        # Rare, since this is for pods without a limit: only now is it worth looking at them all.
        first, second = _draw_two([pod for pod in pods if pod.has_slot], random_below)
    if first is None or second is None:
        return first
    return second if second.in_flight < first.in_flight else first


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


class LeastLoaded:
    """Takes the pod with the least to do for its slots; among equals it takes turns."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = 0

    def __repr__(self) -> str:
        return f"<LeastLoaded next {self._next}>"

    def __call__(self, pods: Sequence[PodTracker]) -> PodTracker | None:
        """Return the least loaded pod with a free slot; costs a look at each pod."""
        count = len(pods)
        chosen = None
        least_load = float("inf")
        for step in range(count):
            index = (self._next + step) % count
            pod = pods[index]
            load = pod.in_flight / (pod.container_concurrency or 1)
            if load < least_load and pod.has_slot:
                chosen, least_load = index, load
                if load == 0.0:
                    break
        if chosen is None:
            return None
        self._next = chosen + 1
        return pods[chosen]


def _draw_two(
    pods: Sequence[PodTracker], random_below: RandomBelow
) -> tuple[PodTracker | None, PodTracker | None]:
    count = len(pods)
    if count < 2:  # noqa: PLR2004 -- two choices
        return (pods[0] if pods else None), None
    first = random_below(count)
    second = random_below(count - 1)
    if second >= first:
        second += 1
    return pods[first], pods[second]
