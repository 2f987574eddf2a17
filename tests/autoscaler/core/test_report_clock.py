import pytest

from autoscaler.core.report_clock import UNNUMBERED, ReportClock


def seconds(*reports: tuple[int, float]) -> list[int]:
    clock = ReportClock()
    return [clock.second(number, now) for number, now in reports]


def test_the_example_of_the_module() -> None:
    assert seconds((7, 100.98), (8, 102.01), (9, 102.99)) == [100, 101, 102]


def test_what_is_told_early_counts_for_the_second_of_its_report() -> None:
    assert seconds((7, 100.9), (8, 100.95), (8, 101.9)) == [100, 101, 101]


def test_unnumbered_reports_count_for_the_second_of_their_arrival() -> None:
    assert seconds((UNNUMBERED, 100.98), (UNNUMBERED, 102.01)) == [100, 102]


@pytest.mark.parametrize(
    ("reports", "counted"),
    [
        pytest.param(((7, 100.5), (8, 104.5), (9, 105.5)), [100, 104, 105], id="stood still"),
        pytest.param(((7, 100.5), (9, 100.6), (10, 101.6)), [100, 100, 101], id="runs ahead"),
    ],
)
def test_a_count_that_is_far_from_the_time_starts_anew(
    reports: tuple[tuple[int, float], ...], counted: list[int]
) -> None:
    assert seconds(*reports) == counted


def test_jitter_around_a_boundary_leaves_no_second_out_and_takes_none_twice() -> None:
    arrivals = [(n, 100 + n + (0.05 if n % 3 else -0.05)) for n in range(1, 200)]
    counted = seconds(*arrivals)
    assert counted == list(range(counted[0], counted[0] + 199))
