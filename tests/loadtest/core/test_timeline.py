from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.core.timeline import PodsSample, Request, quantile, seconds_of

MakeSample = Callable[..., PodsSample]


def test_worked_example_of_the_module() -> None:
    seconds = seconds_of([Request(100.5, 101.5)], [], 100.0, 102.0)
    assert [second.in_flight for second in seconds] == [0.5, 0.5]
    assert [second.requests for second in seconds] == [0, 1]
    assert [second.p50_ms for second in seconds] == [None, 1000]


def test_second_that_the_run_only_began_is_there() -> None:
    assert [second.t_s for second in seconds_of([], [], 10.0, 12.1)] == [0, 1, 2]


def test_request_that_ends_with_the_run_counts_in_its_last_second() -> None:
    seconds = seconds_of([Request(0.0, 2.0)], [], 0.0, 2.0)
    assert [second.requests for second in seconds] == [0, 1]


def test_failures_count_as_requests_but_their_latency_does_not() -> None:
    requests = [Request(0.0, 0.1), Request(0.0, 0.9, "status 503")]
    (second,) = seconds_of(requests, [], 0.0, 1.0)
    assert (second.requests, second.failures, second.p99_ms) == (2, 1, 100)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1), (0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100)]
)
def test_quantile_is_a_value_that_occurred(share: float, expected: float) -> None:
    assert quantile(range(1, 101), share) == expected


def test_nothing_has_no_quantile() -> None:
    assert quantile([], 0.5) is None


def test_second_shows_the_last_sample_before_its_end(sample: MakeSample) -> None:
    samples = [sample(10.4, ready=1), sample(10.9, ready=2), sample(11.1, ready=3)]
    seconds = seconds_of([], samples, 10.0, 12.0)
    assert [second.pods and second.pods.ready_pods for second in seconds] == [2, 3]


def test_stale_sample_is_not_shown(sample: MakeSample) -> None:
    seconds = seconds_of([], [sample(0.5, ready=1)], 0.0, 4.0)
    assert [second.pods is None for second in seconds] == [False, False, True, True]


def test_sample_from_before_the_run_is_shown_while_it_is_fresh(sample: MakeSample) -> None:
    seconds = seconds_of([], [sample(-0.1), sample(-5)], 0.0, 3.0)
    assert [second.pods is None for second in seconds] == [False, True, True]


INSTANTS = st.floats(0, 20)


@given(st.lists(st.tuples(INSTANTS, INSTANTS).map(sorted)))
def test_no_time_in_flight_and_no_request_is_lost(spans: list[list[float]]) -> None:
    requests = [Request(begin, end) for begin, end in spans]
    seconds = seconds_of(requests, [], 0.0, 20.0)
    spent_s = sum(end - begin for begin, end in spans)
    assert sum(second.in_flight for second in seconds) == pytest.approx(spent_s)
    assert sum(second.requests for second in seconds) == len(requests)
