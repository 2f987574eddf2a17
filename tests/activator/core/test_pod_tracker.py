"""When a pod may be used, and when it is asked."""

import pytest

from servingkit.core.revision import PodState
from tests.activator.core.requests import tracker
from tests.fakes.cluster import pod as cluster_pod

STARTING, READY, TERMINATING = PodState.STARTING, PodState.READY, PodState.TERMINATING


@pytest.mark.parametrize(
    ("state", "usable"), [(STARTING, False), (READY, True), (TERMINATING, False)]
)
def test_the_cluster_is_trusted(state: PodState, *, usable: bool) -> None:
    assert tracker(state=state).usable is usable


def test_a_starting_pod_that_answered_is_used_but_not_known_to_serve() -> None:
    pod = tracker(state=STARTING)
    pod.probe_passed(5)
    assert pod.usable
    assert not pod.serving
    assert pod.container_concurrency == 5


def test_a_pod_that_is_no_longer_ready_must_prove_itself_again() -> None:
    pod = tracker(state=READY)
    pod.probe_passed(None)
    pod.cluster_says(cluster_pod("pod", STARTING))
    assert not pod.usable


def test_a_failed_pod_is_used_again_once_it_answers() -> None:
    pod = tracker()
    pod.fail()
    assert not pod.usable
    assert pod.wants_probe(in_need=False)
    pod.probe_passed(None)
    assert pod.usable


def test_an_answer_without_concurrency_leaves_the_setting() -> None:
    pod = tracker(container_concurrency=7)
    pod.probe_passed(None)
    assert pod.container_concurrency == 7
    assert pod.concurrency_known


def test_a_slot_that_frees_ends_the_refusing() -> None:
    pod = tracker(container_concurrency=2, in_flight=1)
    pod.refusing = True
    assert not pod.has_slot
    pod.free_slot()
    assert pod.has_slot


def test_no_limit_means_always_a_slot() -> None:
    assert tracker(container_concurrency=0, in_flight=1000).has_slot


@pytest.mark.parametrize(
    ("state", "in_need", "wanted"),
    [
        pytest.param(STARTING, True, True, id="starting, while requests wait"),
        pytest.param(STARTING, False, False, id="starting, and nobody waits"),
        pytest.param(READY, False, True, id="ready, to learn its concurrency"),
        pytest.param(TERMINATING, True, False, id="terminating"),
    ],
)
def test_a_new_pod_is_asked_when_the_answer_is_news(
    state: PodState, *, in_need: bool, wanted: bool
) -> None:
    assert tracker(state=state).wants_probe(in_need=in_need) is wanted


def test_a_pod_is_asked_no_more_once_it_answered() -> None:
    pod = tracker(state=STARTING)
    pod.probe_passed(3)
    assert not pod.wants_probe(in_need=True)
    pod.cluster_says(cluster_pod("pod", READY))
    assert not pod.wants_probe(in_need=True)


def test_failures_in_a_row_eject_a_pod_and_an_answer_clears_them() -> None:
    pod = tracker()
    assert not pod.request_failed(3, now=0.0)
    assert not pod.request_failed(3, now=0.0)
    pod.answer_began()
    assert [pod.request_failed(3, now=0.0) for _ in range(3)] == [False, False, True]
    assert not pod.usable
    assert pod.wants_probe(in_need=False)


def test_each_ejection_is_longer_until_the_pod_serves_again() -> None:
    pod = tracker()

    def ejected_for_s() -> float:
        assert pod.request_failed(1, now=100.0)
        pod.probe_passed(None)
        return pod.ejected_until - 100.0

    assert [ejected_for_s() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    pod.answer_began()
    assert ejected_for_s() == 1


def test_back_from_an_ejection_one_more_failure_is_enough() -> None:
    pod = tracker()
    for _ in range(3):
        pod.request_failed(3, now=0.0)
    pod.probe_passed(None)
    assert pod.request_failed(3, now=5.0)
