from typing import Any

from autoscaler.core.defaults import Defaults
from autoscaler.core.settings import PREFIX, parse_annotations
from inflight.simulate.core.scaling import Scaling


def scaling(**names: Any) -> Scaling:  # noqa: ANN401 -- any setting
    annotations = {PREFIX + name.replace("_", "-"): str(value) for name, value in names.items()}
    settings = parse_annotations(annotations, Defaults(allow_zero_initial_scale=True))
    return Scaling(settings, 10, 0.0)


def test_first_request_wakes_a_revision_at_zero_and_the_second_does_not() -> None:
    idle = scaling(initial_scale=0)
    assert idle.decide(0, 0, 0.5).desired_pods == 0
    assert idle.request_arrived(1.0)
    assert not idle.request_arrived(1.1)
    assert idle.decide(0, 0, 1.1).desired_pods == 1


def test_request_told_early_counts_once() -> None:
    woken = scaling(initial_scale=0, window="6s")
    woken.request_arrived(10.0)
    woken.report(11.0)
    decision = woken.decide(1, 1, 12.5).decision
    assert decision is not None
    # What was told early and the average less that are for the same second.
    assert decision.reading.stable == 1.0


def test_first_request_of_a_revision_with_pods_waits_for_the_tick() -> None:
    active = scaling()
    assert active.decide(1, 1, 0.5).desired_pods == 1
    assert not active.request_arrived(1.0)


def test_nothing_is_held_for_missing_data() -> None:
    idle = scaling(initial_scale=3)
    # Nobody was there before: the first pods are not ready yet at the first decision.
    assert idle.decide(3, 0, 0.0).desired_pods == 3
    now, pods = 0.5, 3
    while now < 400:
        plan = idle.decide(pods, pods, now)
        assert not plan.is_held_without_data
        now, pods = now + 2, plan.desired_pods
    assert pods == 0
    assert idle.reason.startswith("0 pods: ")
