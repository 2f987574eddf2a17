import pytest

from autoscaler.core.defaults import BUILT_IN
from autoscaler.core.settings import parse_annotations
from inflight.simulate.core.pod_set import PodSet
from inflight.simulate.core.recorder import Recorder
from inflight.simulate.core.scaling import Scaling


@pytest.fixture
def pods() -> PodSet:
    return PodSet(1)


@pytest.fixture
def scaling() -> Scaling:
    return Scaling(parse_annotations({}, BUILT_IN), 1, 0.0)


def test_request_counts_in_each_second_as_long_as_it_was_in_flight(
    pods: PodSet, scaling: Scaling
) -> None:
    recorder = Recorder()
    recorder.arrived(0.5)
    recorder.waits(0.5)
    recorder.close_second(pods, scaling, 1.0)
    recorder.waits_no_more(0.5, 1.2)
    recorder.answered(0.5, 1.8)
    recorder.close_second(pods, scaling, 2.0)
    outcome = recorder.outcome(pods, 2.0)
    first, second = outcome.seconds
    assert (first.in_flight, first.waiting) == (0.5, 0.5)
    assert (second.in_flight, second.waiting) == pytest.approx((0.8, 0.2))
    assert (first.latencies_ms(0.5), second.latencies_ms(0.5)) == ([None], [1300.0])
    assert outcome.waited == 1
    assert outcome.wait_s == pytest.approx(0.7)


def test_refused_request_is_counted_in_its_second(pods: PodSet, scaling: Scaling) -> None:
    recorder = Recorder()
    for _ in range(2):
        recorder.close_second(pods, scaling, 1.0)
        recorder.arrived(1.5)
        recorder.refused(1.5)
    recorder.close_second(pods, scaling, 2.0)
    outcome = recorder.outcome(pods, 2.0)
    assert [second.refused for second in outcome.seconds] == [0, 1, 1]
    assert outcome.unanswered == 0


def test_pods_are_those_at_the_end_of_the_second(pods: PodSet, scaling: Scaling) -> None:
    recorder = Recorder()
    pods.make_ready(pods.scale_to(2, 0.0)[0])
    recorder.close_second(pods, scaling, 1.0)
    (second,) = recorder.outcome(pods, 1.0).seconds
    assert (second.ready_pods, second.starting_pods, second.desired_pods) == (1, 1, 2)
    assert recorder.outcome(pods, 1.0).pod_seconds == 2.0
