from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.decider import (
    DeciderSpec,
    DeciderState,
    Decision,
    Further,
    Limit,
    Measure,
    Reading,
    decide,
    initial_excess_burst_capacity,
    initial_state,
)
from tests.autoscaler.core.kpa_script import KpaScript


def test_the_worked_example_of_the_module() -> None:
    script = KpaScript(target_value=10)
    script.at(53).sees(concurrency=0).wants(pods=0)
    script.at(59).sees(concurrency=60).wants(pods=6, panic=True)
    # Six pods are ready: the panic window wants as many, not twice as many.
    script.at(61, ready=6).sees(concurrency=60).wants(pods=6, panic=True)
    script.at(119).sees(concurrency=10).wants(pods=6, panic=True)
    script.at(121).sees(concurrency=10).wants(pods=1, panic=False)


@pytest.mark.parametrize(
    ("ready", "stable", "panic", "pods", "spec"),
    [
        pytest.param(1, 50, 10, 5, {}, id="stable increase"),
        pytest.param(1, 100, 10, 10, {}, id="stable increase to the rate's limit"),
        pytest.param(1, 1, 0, 1, {}, id="a little traffic"),
        pytest.param(1, 0, 0, 0, {}, id="no traffic"),
        pytest.param(1, 0, 0, 0, {"activation_scale": 2}, id="activation scale leaves zero alone"),
        pytest.param(1, 1, 0, 2, {"activation_scale": 2}, id="activation scale"),
        pytest.param(1, 1000, 1000, 10, {}, id="up from 1 by 10 times"),
        pytest.param(0, 1, 1, 1, {}, id="no ready pod counts as one"),
    ],
)
def test_pods_follow_the_load_within_the_rates(
    ready: int, stable: float, panic: float, pods: int, spec: dict[str, Any]
) -> None:
    script = KpaScript(ready=ready, **spec)
    script.at(0).averages(stable=stable, panic=panic).wants(pods=pods)


def calm(ready: int, **spec: Any) -> KpaScript:  # noqa: ANN401 -- any field of DeciderSpec
    """Return a script of a revision that was seen with one pod, so that it does not panic."""
    return KpaScript(**spec).at(0, ready=ready)


@pytest.mark.parametrize(
    ("ready", "stable", "pods", "spec"),
    [
        pytest.param(8, 100, 10, {}, id="increase"),
        pytest.param(8, 50, 5, {}, id="decrease"),
        pytest.param(100, 1, 10, {}, id="down from 100 by 10 times"),
        pytest.param(10, 1, 1, {}, id="down from 10 by 10 times"),
        pytest.param(2, 3, 3, {"target_value": 1, "max_scale_up_rate": 1.1}, id="always one more"),
        pytest.param(100, 1, 90, {"max_scale_down_rate": 1.1}, id="a slow way down"),
        pytest.param(100, 1, 1, {"max_scale_down_rate": 1.1, "reachable": False}, id="unreachable"),
    ],
)
def test_a_calm_revision_follows_its_stable_window(
    ready: int, stable: float, pods: int, spec: dict[str, Any]
) -> None:
    calm(ready, **spec).averages(stable=stable, panic=0).wants(pods=pods, panic=False)


def test_the_larger_window_counts_in_panic() -> None:
    script = KpaScript(target_value=1, ready=5)
    script.at(0).averages(stable=50, panic=30).wants(pods=50, panic=True)
    other = KpaScript(target_value=1, ready=5)
    other.at(0).averages(stable=20, panic=30).wants(pods=30, panic=True)


def test_panic_takes_no_pod_away_for_a_stable_window() -> None:
    script = calm(10).averages(stable=100, panic=1000).wants(pods=100, panic=True)
    script.at(30).averages(stable=1, panic=1).wants(pods=100, panic=True)
    script.at(61).averages(stable=1, panic=1).wants(pods=1, panic=False)


def test_slow_growth_does_not_prolong_panic() -> None:
    script = calm(10, target_value=1).averages(stable=11, panic=25).wants(pods=25, panic=True)
    script.at(30, ready=40).averages(stable=30, panic=41).wants(pods=41)
    assert script.panic_at == 0
    script.at(62, ready=55).averages(stable=50, panic=56).wants(pods=50, panic=False)


def test_another_burst_prolongs_panic() -> None:
    script = calm(10, target_value=1).averages(stable=11, panic=25).wants(panic=True)
    script.at(30, ready=40).averages(stable=30, panic=80).wants(pods=80)
    assert script.panic_at == 30


def test_growth_is_exponential_while_pods_follow() -> None:
    script = KpaScript(target_value=1, max_scale_up_rate=6)
    script.at(0).averages(stable=2000, panic=2000)
    for tick, pods in enumerate((6, 36, 216, 1296)):
        script.averages(stable=2000, panic=2000).wants(pods=pods)
        script.at(2 * tick + 2, ready=pods)


@pytest.mark.parametrize(
    ("target_burst_capacity", "excess"), [(-1, -1), (0, 0), (75, -39), (10, 26), (36.5, 0)]
)
def test_excess_burst_capacity_uses_the_panic_value(
    target_burst_capacity: float, excess: int
) -> None:
    script = calm(4, target_burst_capacity=target_burst_capacity, total_value=13.375)
    script.averages(stable=1, panic=17).wants(excess_burst_capacity=excess)


def test_excess_burst_capacity_counts_no_pod_that_is_not_ready() -> None:
    script = KpaScript(ready=0, target_burst_capacity=10)
    script.at(0).averages(stable=0, panic=0).wants(excess_burst_capacity=-10)


@pytest.mark.parametrize(("target_burst_capacity", "excess"), [(-1.0, -1), (0.0, 0), (42.0, -22)])
def test_excess_burst_capacity_before_the_first_decision(
    target_burst_capacity: float, excess: int
) -> None:
    spec = KpaScript(total_value=10.0, target_burst_capacity=target_burst_capacity).spec
    assert initial_excess_burst_capacity(spec, initial_scale=2) == excess


def test_a_decrease_waits_for_the_scale_down_delay() -> None:
    script = calm(4, scale_down_delay_s=300).averages(stable=40, panic=0).wants(pods=4)
    script.at(298).averages(stable=0, panic=0).wants(pods=4)
    script.at(300).averages(stable=0, panic=0).wants(pods=0)


def test_the_delay_is_a_maximum_over_time() -> None:
    script = calm(4, scale_down_delay_s=4).averages(stable=40, panic=0).wants(pods=4)
    script.at(2).averages(stable=30, panic=0).wants(pods=4)
    script.at(4).averages(stable=0, panic=0).wants(pods=3)
    script.at(6).averages(stable=0, panic=0).wants(pods=0)


def test_an_unreachable_revision_is_not_delayed() -> None:
    script = calm(4, scale_down_delay_s=300, reachable=False)
    script.averages(stable=40, panic=0).wants(pods=4)
    script.at(2).averages(stable=0, panic=0).wants(pods=0)


def test_a_new_decider_with_several_pods_panics_until_it_knows_the_load() -> None:
    script = KpaScript(ready=2)
    script.at(2).averages(stable=0, panic=0).wants(pods=2, panic=True)
    script.at(61).averages(stable=0, panic=0).wants(pods=0, panic=False)


def test_a_decision_names_what_limited_it() -> None:
    spec = KpaScript(max_scale_up_rate=2).spec
    decision, _ = decide(spec, initial_state(1, 0.0), Reading(100, 0), 1, 0.0)
    assert decision.limits == (Limit.SCALE_UP_RATE,)
    assert decision.stable_pods == 10


LOADS = st.floats(min_value=0, max_value=1e6)


@given(st.lists(st.tuples(LOADS, LOADS, st.integers(0, 500)), max_size=50))
def test_no_load_drives_a_step_beyond_its_rates(steps: list[tuple[float, float, int]]) -> None:
    spec = KpaScript(max_scale_up_rate=3, max_scale_down_rate=2).spec
    state = initial_state(0, 0.0)
    most_so_far = 0
    for tick, (stable, panic, ready) in enumerate(steps):
        decision, state = decide(spec, state, Reading(stable, panic), ready, 2.0 * tick)
        most_so_far = max(most_so_far, 3 * max(1, ready))
        assert max(1, ready) // 2 <= decision.desired_pods <= most_so_far


@given(
    load=st.floats(min_value=0.001, max_value=1000), target=st.floats(min_value=0.5, max_value=100)
)
def test_constant_load_settles(load: float, target: float) -> None:
    spec = DeciderSpec(
        target_value=target,
        total_value=target,
        target_burst_capacity=-1,
        stable_window_s=60,
        panic_threshold=2.0,
        max_scale_up_rate=1000,
        max_scale_down_rate=2,
    )
    state, ready = initial_state(1, 0.0), 1
    settled: set[int] = set()
    for tick in range(120):
        decision, state = decide(spec, state, Reading(load, load), ready, 2.0 * tick)
        ready = decision.desired_pods
        if tick >= 100:
            settled.add(ready)
    assert len(settled) == 1
    assert settled.pop() * target >= load


def measure(load: float, target: float, metric: str = "waiting") -> Measure:
    return Measure(metric, Reading(load, load), target)


def first(further: Further, *, stable: float, ready: int = 1, **spec: Any) -> Decision:  # noqa: ANN401 -- any field of it
    """Return the first decision of a decider with target 10."""
    known = KpaScript(ready=ready, **spec).spec
    reading = Reading(stable, stable)
    return decide(known, DeciderState(), reading, ready, 0.0, further)[0]


def test_of_several_metrics_the_one_that_asks_for_most_pods_wins() -> None:
    assert (
        first(Further(measures=(measure(9, 2), measure(3, 1, "rps"))), stable=20).stable_pods == 5
    )
    assert first(Further(measures=(measure(1, 2),)), stable=20).stable_pods == 2


def test_another_metric_alone_brings_pods_and_panic() -> None:
    decision = first(Further(measures=(measure(30, 10),)), stable=0)
    assert decision.desired_pods == 3
    assert Limit.PANIC not in decision.limits


@pytest.mark.parametrize(("stable", "pods"), [(89, 9), (91, 10), (100, 10), (109, 10), (111, 12)])
def test_load_within_the_tolerance_changes_nothing(stable: float, pods: int) -> None:
    decision = first(Further(asked_pods=10), stable=stable, ready=10, tolerance_ratio=0.1)
    assert decision.desired_pods == pods
    assert (Limit.TOLERANCE in decision.limits) is (stable == 109)


def test_tolerance_looks_at_the_busiest_metric() -> None:
    busy = Further(asked_pods=10, measures=(measure(130, 10),))
    assert first(busy, stable=100, ready=10, tolerance_ratio=0.1).desired_pods == 13


def test_tolerance_keeps_no_pod_without_load() -> None:
    assert first(Further(asked_pods=1), stable=0, tolerance_ratio=0.5).desired_pods == 0


def test_expected_pods_are_a_floor_that_brings_none_to_a_revision_without_load() -> None:
    decision = first(Further(floor_pods=4), stable=20)
    assert decision.desired_pods == 4
    assert decision.limits == (Limit.PREDICTION,)
    assert first(Further(floor_pods=4), stable=50).desired_pods == 5
    assert first(Further(floor_pods=4), stable=0).desired_pods == 0


def test_a_floor_obeys_the_rate_of_growth() -> None:
    decision = first(Further(floor_pods=40), stable=20)
    assert decision.desired_pods == 10
    assert decision.limits == (Limit.PREDICTION, Limit.SCALE_UP_RATE)


@pytest.mark.parametrize(("credit", "panicking"), [(False, True), (True, False)])
def test_with_credit_pods_that_are_starting_are_no_reason_to_panic(
    *, credit: bool, panicking: bool
) -> None:
    spec = KpaScript(credit_starting_pods=credit).spec
    further = Further(asked_pods=4)
    _, state = decide(spec, DeciderState(), Reading(40, 40), 1, 0.0, further)
    assert (state.panic_at is not None) is panicking
