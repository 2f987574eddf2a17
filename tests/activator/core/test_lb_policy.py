"""Which pod is picked."""

from collections import Counter

import pytest

from activator.core.lb_policy import (
    LbPolicyName,
    LeastLoaded,
    RoundRobin,
    first_available,
    knatives_choice,
    make_lb_policy,
    random_of_two,
)
from tests.activator.core.requests import seeded, tracker


def test_first_available_fills_a_pod_before_the_next() -> None:
    pods = [tracker("a", 3), tracker("b", 3)]
    for _ in range(4):
        pod = first_available(pods)
        assert pod is not None
        pod.take_slot()
    assert [pod.in_flight for pod in pods] == [3, 1]


@pytest.mark.parametrize("name", LbPolicyName)
@pytest.mark.parametrize("container_concurrency", [1, 3, 100])
def test_full_pods_are_never_picked(name: LbPolicyName, container_concurrency: int) -> None:
    pods = [tracker(name, container_concurrency) for name in "abc"]
    policy = make_lb_policy(name, seeded())
    for _ in range(3 * container_concurrency):
        pod = policy(pods)
        assert pod is not None
        pod.take_slot()
    assert policy(pods) is None
    assert {pod.in_flight for pod in pods} == {container_concurrency}


@pytest.mark.parametrize("name", LbPolicyName)
def test_no_pods_no_pick(name: LbPolicyName) -> None:
    assert make_lb_policy(name, seeded())([]) is None


@pytest.mark.parametrize(
    ("container_concurrency", "name"),
    [
        (0, LbPolicyName.RANDOM_OF_TWO),
        (1, LbPolicyName.FIRST_AVAILABLE),
        (3, LbPolicyName.FIRST_AVAILABLE),
        (4, LbPolicyName.ROUND_ROBIN),
    ],
)
def test_the_default_is_knatives(container_concurrency: int, name: LbPolicyName) -> None:
    assert knatives_choice(container_concurrency) is name


def test_least_loaded_looks_at_all_pods_and_at_their_slots() -> None:
    pods = [tracker("a", 4, in_flight=2), tracker("b", 10, in_flight=3), tracker("c", 4)]
    pods[2].refusing = True
    assert LeastLoaded()(pods) is pods[1]


def test_least_loaded_takes_turns_among_equals() -> None:
    pods = [tracker(name, 4) for name in "abc"]
    policy = LeastLoaded()
    picked = [policy(pods) for _ in range(4)]
    assert [pod.name for pod in picked if pod is not None] == ["a", "b", "c", "a"]


def test_round_robin_goes_on_where_it_was_and_passes_over_full_pods() -> None:
    pods = [tracker("a", 5), tracker("b", 5, in_flight=5), tracker("c", 5)]
    policy = RoundRobin()
    picked = [policy(pods) for _ in range(3)]
    assert [pod.name for pod in picked if pod is not None] == ["a", "c", "a"]


def test_round_robin_survives_a_shrink() -> None:
    pods = [tracker(name, 5) for name in "abcde"]
    policy = RoundRobin()
    for _ in range(5):
        policy(pods)
    assert policy(pods[:2]) in pods[:2]


def test_of_two_the_less_busy_is_picked() -> None:
    busy, idle = tracker("a", 0, in_flight=3), tracker("b", 0, in_flight=1)
    source = seeded()
    assert {random_of_two([busy, idle], source) for _ in range(20)} == {idle}


def test_equal_pods_are_picked_evenly() -> None:
    pods = [tracker("a", 0), tracker("b", 0)]
    source = seeded()
    picked = Counter(random_of_two(pods, source) for _ in range(1000))
    assert all(400 < picked[pod] < 600 for pod in pods)


def test_a_refusing_pod_is_left_alone_even_without_a_limit() -> None:
    pods = [tracker("a", 0), tracker("b", 0)]
    pods[0].refusing = True
    assert random_of_two(pods, seeded()) is pods[1]
