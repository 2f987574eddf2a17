"""Runs against closed forms, and what pods and requests do around the edges."""

from itertools import pairwise
from math import factorial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inflight.simulate.core.outcome import Outcome
from inflight.simulate.core.service_time import Distribution
from tests.inflight.simulate.scenarios import arrivals, fixed_pods, run, scenario, users


def erlang_c(servers: int, offered: float) -> float:
    """Return the chance to wait in M/M/c; `offered` is arrival rate times mean service time."""
    top = offered**servers / factorial(servers) * servers / (servers - offered)
    return top / (sum(offered**k / factorial(k) for k in range(servers)) + top)


@pytest.mark.parametrize(
    ("pods", "container_concurrency", "utilisation"),
    [(1, 1, 0.6), (4, 1, 0.8), (1, 8, 0.85), (3, 4, 0.9)],
)
def test_waiting_agrees_with_erlang_c(
    pods: int, container_concurrency: int, utilisation: float
) -> None:
    servers, service_s, duration_s = pods * container_concurrency, 0.5, 14_400
    offered = servers * utilisation
    rate = offered / service_s
    outcome = run(
        scenario(
            container_concurrency=container_concurrency,
            service_s=service_s,
            distribution=Distribution.EXPONENTIAL,
            scaling=fixed_pods(pods),
        ),
        arrivals((duration_s, rate)),
        seed=5,
    )
    chance = erlang_c(servers, offered)
    mean_wait_s = chance * service_s / (servers - offered)
    assert outcome.waited / outcome.requests == pytest.approx(chance, rel=0.05)
    assert outcome.wait_s / outcome.requests == pytest.approx(mean_wait_s, rel=0.05)
    assert outcome.whole.in_flight == pytest.approx(rate * (mean_wait_s + service_s), rel=0.05)


@settings(max_examples=25, deadline=None)
@given(
    rate=st.floats(0.1, 8),
    container_concurrency=st.integers(0, 3),
    queue_limit=st.integers(0, 20),
    pod_start_s=st.floats(0, 9),
    seed=st.integers(0, 999),
)
def test_in_flight_is_arrivals_times_latency(
    rate: float, container_concurrency: int, queue_limit: int, pod_start_s: float, seed: int
) -> None:
    """Little's law, exact in a run that all requests end in."""
    outcome = run(
        scenario(
            container_concurrency=container_concurrency,
            queue_limit=queue_limit,
            pod_start_s=pod_start_s,
            distribution=Distribution.EXPONENTIAL,
        ),
        arrivals((60, rate), (120, 0)),
        seed,
    )
    whole = outcome.whole
    assert outcome.unanswered == 0
    assert whole.in_flight * whole.length_s == pytest.approx(sum(whole.latencies_s), abs=1e-6)
    assert whole.waiting * whole.length_s == pytest.approx(outcome.wait_s, abs=1e-6)
    assert outcome.most_waiting <= queue_limit


def test_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    case, load = scenario(distribution=Distribution.EXPONENTIAL), arrivals((120, 3))
    assert run(case, load, seed=1) == run(case, load, seed=1)
    assert run(case, load, seed=1) != run(case, load, seed=2)


def test_settings_do_not_change_the_requests() -> None:
    load = arrivals((300, 1))
    few, many = (
        run(scenario(distribution=Distribution.EXPONENTIAL, scaling=fixed_pods(pods)), load)
        for pods in (20, 40)
    )
    assert list(few.whole.latencies_s) == list(many.whole.latencies_s)


def test_requests_are_served_in_the_order_of_arrival() -> None:
    outcome = run(scenario(scaling=fixed_pods(1)), users((1, 3), (9, 0)))
    assert sorted(outcome.whole.latencies_s) == [1, 2, 3]
    assert (outcome.waited, outcome.wait_s, outcome.most_waiting) == (2, 3, 2)


def test_request_at_zero_wakes_a_pod_at_once() -> None:
    case = scenario(container_concurrency=5, pod_start_s=4, scaling={"initial-scale": 0})
    outcome = run(case, users((30.9, 0), (0.1, 1), (9, 0)))
    assert [round(latency, 6) for latency in outcome.whole.latencies_s] == [5.0]
    before, after = outcome.seconds[29], outcome.seconds[30]
    assert (before.desired_pods, after.desired_pods, after.starting_pods) == (0, 1, 1)


def test_idle_revision_goes_to_zero_after_its_window() -> None:
    outcome = run(scenario(container_concurrency=5), users((10, 1), (190, 0)))
    (gone,) = [
        after.begin_s
        for before, after in pairwise(outcome.seconds)
        if before.desired_pods == 1 and after.desired_pods == 0
    ]
    assert 70 <= gone <= 76
    assert outcome.pod_seconds == pytest.approx(gone, abs=1.5)


def test_constant_load_settles_at_its_pods() -> None:
    outcome = run(
        scenario(container_concurrency=10, pod_start_s=5, scaling={"target": 10}), users((600, 30))
    )
    settled = outcome.seconds[140:]
    assert {second.desired_pods for second in settled} == {5}  # 30 over 70 % of 10
    assert {second.waiting for second in settled} == {0.0}


def test_what_finds_the_queue_full_is_refused() -> None:
    case = scenario(queue_limit=2, scaling=fixed_pods(1))
    outcome = run(case, users((1, 5), (9, 0)))
    assert outcome.whole.refused == 2
    assert len(outcome.whole.latencies_s) == 3
    assert outcome.requests == 5


def test_run_ends_with_what_is_still_in_flight() -> None:
    outcome = run(scenario(service_s=30, scaling=fixed_pods(1)), users((10, 2)))
    assert (outcome.unanswered, outcome.requests, outcome.whole.requests) == (2, 2, 0)


def test_latency_includes_the_start_of_a_pod() -> None:
    case = scenario(pod_start_s=7, scaling=fixed_pods(1))
    outcome = run(case, users((1, 1), (20, 0)))
    assert outcome.whole.latencies_s == pytest.approx([8.0])


def test_target_burst_capacity_moves_traffic_to_pods_and_back_before_zero() -> None:
    case = scenario(container_concurrency=10, scaling={"target-burst-capacity": 0, "window": "6s"})
    outcome = run(case, users((10, 1), (90, 0)))
    gone_s = next(second.begin_s for second in outcome.seconds if second.desired_pods == 0)
    # Window and grace period: the traffic must have been back for 30 s.
    assert 46 <= gone_s <= 54


def test_panics_are_counted() -> None:
    outcome = run(
        scenario(container_concurrency=1, pod_start_s=1, scaling={"target": 1}),
        users((30, 1), (30, 8), (240, 0), (30, 8), (270, 0)),
    )
    assert outcome.panics == 2


def burst(**scaling: Any) -> Outcome:  # noqa: ANN401 -- any setting
    """Return a burst from 1 to 20 requests a second, 0.5 s each, on pods that start in 30 s."""
    case = scenario(
        container_concurrency=4,
        service_s=0.5,
        pod_start_s=30,
        scaling={name.replace("_", "-"): value for name, value in scaling.items()},
    )
    return run(case, arrivals((300, 1), (180, 20), (120, 1)))


def most_desired(outcome: Outcome) -> int:
    """Return the most pods asked for since the burst began; before it, nothing had been learned."""
    return max(second.desired_pods for second in outcome.seconds[300:])


def test_with_credit_a_slow_start_asks_for_no_more_pods_than_the_load_needs() -> None:
    without, credited = burst(), burst(credit_starting_pods="true")
    assert most_desired(without) > 100
    # Ten in flight are four pods, and a few more work off what has waited.
    assert 4 <= most_desired(credited) <= 10
    assert credited.pod_seconds < without.pod_seconds / 2
    assert credited.unanswered <= without.unanswered + 2


def test_with_credit_the_first_start_of_all_does_not_over_ask_either() -> None:
    def from_zero(**scaling: Any) -> Outcome:  # noqa: ANN401 -- any setting
        case = scenario(
            container_concurrency=4,
            service_s=0.5,
            pod_start_s=90,
            scaling={"initial-scale": 0, **scaling},
        )
        return run(case, arrivals((300, 10)))

    without, credited = from_zero(), from_zero(**{"credit-starting-pods": "true"})
    assert without.whole.desired_pods > 200
    assert 2 <= credited.whole.desired_pods <= 25
    # A start that outlasts the stable window takes no pod away.
    asked = [second.desired_pods for second in credited.seconds[:90]]
    assert asked == sorted(asked)
    assert credited.unanswered < 20


def test_credit_changes_nothing_while_nothing_waits() -> None:
    calm = arrivals((200, 2))
    plain = run(scenario(container_concurrency=8), calm)
    credited = run(
        scenario(container_concurrency=8, scaling={"credit-starting-pods": "true"}), calm
    )
    assert [second.desired_pods for second in credited.seconds] == [
        second.desired_pods for second in plain.seconds
    ]


def test_a_schedule_is_on_at_its_time_of_the_simulated_day() -> None:
    case = scenario(scaling={"schedules": "1 0 * * * UTC 2m min-scale=3", "initial-scale": 1})
    outcome = run(case, arrivals((300, 0)))
    desired = [second.desired_pods for second in outcome.seconds]
    assert max(desired[:58]) == 1
    assert set(desired[63:178]) == {3}
    assert max(desired[245:]) <= 1


def test_a_prediction_is_ahead_of_a_load_that_grows() -> None:
    growing = arrivals(*((10, rate) for rate in range(0, 60, 1)))
    scaling = {"target": 4, "min-scale": 1, "prediction-window": "2m", "prediction-horizon": "60s"}
    waited = {
        mode: run(
            scenario(
                container_concurrency=4,
                service_s=0.5,
                pod_start_s=60,
                scaling=scaling | {"prediction": mode},
            ),
            growing,
        ).wait_s
        for mode in ("off", "preview", "floor")
    }
    assert waited["preview"] == waited["off"]
    assert waited["floor"] < waited["off"]
