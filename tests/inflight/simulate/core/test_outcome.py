from typing import Any

import pytest

from inflight.simulate.core.outcome import Span, merge, quantile, thin


def span(begin_s: int, **values: Any) -> Span:  # noqa: ANN401 -- any field of it
    known: dict[str, Any] = {
        "length_s": 1,
        "in_flight": 0.0,
        "waiting": 0.0,
        "refused": 0,
        "latencies_s": [],
        "desired_pods": 0,
        "ready_pods": 0,
        "starting_pods": 0,
        "terminating_pods": 0,
        "panicking": False,
        "reason": "",
    }
    return Span(begin_s=begin_s, **(known | values))


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1), (0.25, 1), (0.5, 2), (0.51, 3), (0.99, 4), (1.0, 4)]
)
def test_quantile_is_the_least_value_that_the_share_does_not_exceed(
    share: float, value: float
) -> None:
    assert quantile([1, 2, 3, 4], share) == value


def test_no_requests_have_no_latency() -> None:
    assert span(0).latencies_ms(0.5, 0.99) == [None, None]


def test_spans_put_together_keep_averages_sums_and_peaks() -> None:
    spans = [
        span(4, in_flight=2.0, refused=1, latencies_s=[0.3], ready_pods=3, reason="old"),
        span(5, length_s=3, in_flight=6.0, latencies_s=[0.1, 0.2], panicking=True, reason="new"),
    ]
    whole = merge(spans)
    assert (whole.begin_s, whole.length_s, whole.in_flight) == (4, 4, 5.0)
    assert (whole.refused, whole.requests, whole.ready_pods) == (1, 4, 3)
    assert (whole.panicking, whole.reason) == (True, "new")
    assert whole.latencies_ms(0.5, 1.0) == [200.0, 300.0]


def test_thinned_spans_cover_all_of_them() -> None:
    thinned = list(thin([span(second) for second in range(10)], most=4))
    assert [(each.begin_s, each.length_s) for each in thinned] == [(0, 3), (3, 3), (6, 3), (9, 1)]
