import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.decider import Measure, Reading
from autoscaler.core.model_metrics import (
    ModelMetric,
    ModelMetricHistory,
    ModelMetricKind,
    read_page,
)

WAITING = ModelMetric("vllm:num_requests_waiting", ModelMetricKind.GAUGE, 4)
TOKENS = ModelMetric("vllm:generation_tokens_total", ModelMetricKind.RATE, 1000)

PAGE = b"""\
# HELP vllm:num_requests_waiting Number of requests waiting.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="a } b \\" c"} 3.0
vllm:num_requests_waiting{engine="1",model_name="m"} 2 1700000000000
vllm:num_requests_waiting_total 99
vllm:generation_tokens_total 1.5e3
vllm:broken
vllm:nan NaN
"""


def test_series_of_one_name_are_added_up_whatever_their_labels() -> None:
    names = ["vllm:num_requests_waiting", "vllm:generation_tokens_total", "vllm:absent"]
    assert read_page(PAGE, names) == {
        "vllm:num_requests_waiting": 5.0,
        "vllm:generation_tokens_total": 1500.0,
    }


@pytest.mark.parametrize("name", ["vllm:broken", "vllm:nan"])
def test_a_line_without_a_number_counts_as_absent(name: str) -> None:
    assert read_page(PAGE, [name]) == {}


@given(st.binary(), st.sampled_from(["a", "vllm:num_requests_waiting"]))
def test_any_bytes_are_a_page(page: bytes, name: str) -> None:
    read_page(page + b"\na{" + page, [name])


def gauge(value: float) -> dict[str, float]:
    return {WAITING.name: value}


def test_a_gauge_is_averaged_over_both_windows() -> None:
    history = ModelMetricHistory([WAITING])
    for second in range(0, 60, 2):
        history.record({"a": gauge(1), "b": gauge(3 if second < 50 else 9)}, 2, 60, float(second))
    (measure,) = history.measures(60, 6, 58.0)
    assert measure == Measure(WAITING.name, Reading(5.0, 10.0), 4)


def test_pods_that_did_not_answer_are_like_those_that_did() -> None:
    history = ModelMetricHistory([WAITING])
    history.record({"a": gauge(2)}, 3, 60, 0.0)
    assert history.measures(60, 6, 1.0)[0].reading.stable == 6


def test_a_metric_of_which_nobody_told_is_silent_and_never_zero() -> None:
    history = ModelMetricHistory([WAITING, TOKENS])
    history.record({"a": gauge(2), "b": {}}, 2, 60, 0.0)
    history.record({}, 2, 60, 2.0)
    assert history.silent(5.0) == (TOKENS.name,)
    assert [measure.reading.stable for measure in history.measures(60, 6, 5.0)] == [4]
    assert history.silent(5.1) == (WAITING.name, TOKENS.name)
    assert history.measures(60, 6, 5.1) == []


def test_a_rate_is_how_fast_each_pods_counter_grows() -> None:
    history = ModelMetricHistory([TOKENS])
    for now, a, b in ((0.0, 1000, 50), (2.0, 3000, 150)):
        history.record({"a": {TOKENS.name: a}, "b": {TOKENS.name: b}}, 2, 60, now)
    assert history.measures(60, 6, 2.0)[0].reading.stable == 1050


def test_a_counter_that_began_anew_grows_from_zero() -> None:
    history = ModelMetricHistory([TOKENS])
    for now, value in ((0.0, 1000), (2.0, 10)):
        history.record({"a": {TOKENS.name: value}}, 1, 60, now)
    assert history.measures(60, 6, 2.0)[0].reading.stable == 5


def test_a_pod_that_was_silent_for_a_round_has_no_rate_in_the_next() -> None:
    history = ModelMetricHistory([TOKENS])
    history.record({"a": {TOKENS.name: 0}}, 1, 60, 0.0)
    history.record({}, 1, 60, 2.0)
    history.record({"a": {TOKENS.name: 100}}, 1, 60, 4.0)
    assert history.silent(4.0) == (TOKENS.name,)


def test_what_is_older_than_the_window_is_forgotten() -> None:
    history = ModelMetricHistory([WAITING])
    history.record({"a": gauge(100)}, 1, 60, 0.0)
    history.record({"a": gauge(2)}, 1, 60, 60.0)
    assert history.measures(60, 6, 60.0)[0].reading.stable == 2


def test_it_says_what_it_reads() -> None:
    assert repr(ModelMetricHistory([WAITING])) == f"<ModelMetricHistory of {WAITING.name}>"
