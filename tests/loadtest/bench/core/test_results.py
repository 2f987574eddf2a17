from loadtest.bench.core.metric import Metric
from loadtest.bench.core.names import GO, NGINX, OURS, POST_1, POST_32, UPLOAD
from loadtest.bench.core.results import Results


def test_json_gives_the_same_page_again(results: Results) -> None:
    again = Results.from_json(results.to_json())
    assert again.to_json() == results.to_json()
    assert again.value(POST_1, GO, Metric.P50_MS) == 1.0


def test_ratio_is_to_the_other_in_the_same_case(results: Results) -> None:
    assert results.ratio(POST_32, OURS, NGINX, Metric.CPU_US) == 2.0


def test_what_was_not_measured_has_neither_value_nor_ratio(results: Results) -> None:
    assert results.value(UPLOAD, OURS, Metric.CPU_US) is None
    assert results.ratio(POST_32, OURS, "haproxy", Metric.CPU_US) is None


def test_nothing_is_divided_by_zero(results: Results) -> None:
    assert results.ratio(POST_32, OURS, NGINX, Metric.FAILED) is None
