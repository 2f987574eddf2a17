from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inflight.simulate.core.pod_set import PodSet, SimulatedPod
from servingkit.core.revision import PodState


def ready_pods(pods: PodSet, replicas: int, now: float = 0.0) -> list[SimulatedPod]:
    new = pods.scale_to(replicas, now)
    for pod in new:
        pods.make_ready(pod)
    return new


def test_starting_pod_has_no_slot() -> None:
    pods = PodSet(1)
    (pod,) = pods.scale_to(1, 0.0)
    assert pods.take_slot() is None
    pods.make_ready(pod)
    assert pods.take_slot() is pod
    assert pods.take_slot() is None


def test_pods_take_turns() -> None:
    pods = PodSet(2)
    first, second = ready_pods(pods, 2)
    assert [pods.take_slot() for _ in range(5)] == [first, second, first, second, None]
    pods.free_slot(second, 1.0)
    assert pods.take_slot() is second


def test_without_a_limit_there_is_always_a_slot() -> None:
    pods = PodSet(0)
    (pod,) = ready_pods(pods, 1)
    assert {pods.take_slot() for _ in range(100)} == {pod}


def test_starting_pods_go_first_then_the_youngest() -> None:
    pods = PodSet(1)
    ready_pods(pods, 1, 0.0)
    ready_pods(pods, 2, 1.0)
    pods.scale_to(3, 2.0)
    pods.scale_to(2, 3.0)
    assert pods.count() == {PodState.READY: 2}
    pods.scale_to(1, 4.0)
    assert pods.pod_seconds(4.0) == 4 + 3 + 1


def test_pod_that_ends_finishes_its_request_and_takes_no_other() -> None:
    pods = PodSet(2)
    (pod,) = ready_pods(pods, 1)
    assert pods.take_slot() is pod
    pods.scale_to(0, 1.0)
    assert pods.count() == {PodState.TERMINATING: 1}
    assert pods.take_slot() is None
    pods.free_slot(pod, 3.0)
    assert pods.count() == Counter()
    assert pods.pod_seconds(9.0) == 3.0


def test_pod_that_was_given_up_does_not_get_ready() -> None:
    pods = PodSet(1)
    (pod,) = pods.scale_to(1, 0.0)
    pods.scale_to(0, 1.0)
    pods.make_ready(pod)
    assert pods.take_slot() is None


@given(st.lists(st.sampled_from(["take", "free", "grow", "shrink"])), st.integers(1, 3))
def test_no_pod_runs_more_than_its_limit_and_no_slot_is_lost(steps: list[str], limit: int) -> None:
    pods = PodSet(limit)
    taken: list[SimulatedPod] = []
    replicas = 0
    for step in steps:
        if step == "take":
            pod = pods.take_slot()
            taken += [pod] if pod else []
        elif step == "free" and taken:
            pods.free_slot(taken.pop(), 0.0)
        elif step in {"grow", "shrink"}:
            replicas = max(0, replicas + (1 if step == "grow" else -1))
            ready_pods(pods, replicas)
        assert all(pod.running <= limit for pod in taken)
        assert pods.count()[PodState.READY] == replicas
    for pod in taken:
        pods.free_slot(pod, 0.0)
    free = 0
    while pods.take_slot():
        free += 1
    assert free == limit * replicas
    assert pods.count()[PodState.TERMINATING] == 0


def test_pod_seconds_count_starting_and_ending() -> None:
    pods = PodSet(1)
    pods.scale_to(2, 10.0)
    assert pods.pod_seconds(15.0) == pytest.approx(10.0)
