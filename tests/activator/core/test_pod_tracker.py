"""When a pod may be used, and when it is asked."""

import pytest

from servingkit.core.revision import PodState
from tests.activator.core.requests import tracker

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
    pod.cluster_says(STARTING)
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
    pod.cluster_says(READY)
    assert not pod.wants_probe(in_need=True)
