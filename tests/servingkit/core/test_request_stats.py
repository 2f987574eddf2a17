import pytest
from hypothesis import given
from hypothesis import strategies as st

from servingkit.core.request_stats import RequestStats, RequestStatsReport


def test_the_worked_example_of_the_module() -> None:
    stats = RequestStats(0)
    stats.request_arrived(0)
    stats.request_arrived(0)
    stats.request_left(1)
    stats.request_left(2)
    assert stats.report(2) == RequestStatsReport(1.5, 0, 2, 0)


def test_a_proxied_request_counts_in_both_totals() -> None:
    stats = RequestStats(0)
    stats.request_arrived(0, proxied=True)
    stats.request_arrived(1)
    stats.request_left(2, proxied=True)
    assert stats.report(4) == RequestStatsReport(5 / 4, 2 / 4, 2, 1)


def test_a_report_starts_a_new_period_but_keeps_what_is_in_flight() -> None:
    stats = RequestStats(0)
    stats.request_arrived(0)
    stats.report(1)
    assert stats.report(2) == RequestStatsReport(1, 0, 0, 0)


def test_a_report_of_no_time_is_zero() -> None:
    stats = RequestStats(0)
    stats.request_arrived(0)
    assert stats.report(0) == RequestStatsReport(0, 0, 1, 0)


def test_a_clock_that_steps_back_is_ignored() -> None:
    stats = RequestStats(0)
    stats.request_arrived(10)
    stats.request_left(5)
    assert stats.concurrency == 0
    assert stats.report(20).average_concurrency == 0


def test_it_says_how_many_are_in_flight() -> None:
    stats = RequestStats(0)
    stats.request_arrived(0)
    assert repr(stats) == "<RequestStats 1 in flight, 1 arrived>"


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.floats(0, 100), st.booleans()), min_size=1, max_size=30
    )
)
def test_the_average_is_the_time_that_requests_took_over_the_period(
    spans: list[tuple[float, float, bool]],
) -> None:
    stats = RequestStats(0)
    events: list[tuple[float, bool, bool]] = []
    for start, end, proxied in spans:
        arrived, left = min(start, end), max(start, end)
        events += [(arrived, True, proxied), (left, False, proxied)]
    for at, arrived_now, proxied in sorted(events, key=lambda event: (event[0], not event[1])):
        if arrived_now:
            stats.request_arrived(at, proxied=proxied)
        else:
            stats.request_left(at, proxied=proxied)
    report = stats.report(100)
    seconds = sum(abs(end - start) for start, end, _ in spans)
    proxied_s = sum(abs(end - start) for start, end, proxied in spans if proxied)
    assert report.average_concurrency == pytest.approx(seconds / 100, abs=1e-9)
    assert report.average_proxied_concurrency == pytest.approx(proxied_s / 100, abs=1e-9)
    assert report.request_count == len(spans)
    assert (stats.concurrency, stats.proxied_concurrency) == (0, 0)
