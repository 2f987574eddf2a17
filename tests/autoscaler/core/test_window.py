import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.window import Aggregation, LinearWindow, WeightedWindow, Window, new_window


def filled(values: list[float], seconds: int = 5) -> LinearWindow:
    window = LinearWindow(seconds)
    for second, value in enumerate(values):
        window.record(second, value)
    return window


def test_the_worked_example_of_the_module() -> None:
    window = filled([1])
    assert window.average(0) == 1
    window = filled([1, 2, 3, 4, 5])
    assert window.average(4) == 3
    assert window.average(6) == 4
    assert window.average(10) == 0
    window.record(6, 91)
    assert window.average(6) == pytest.approx((3 + 4 + 5 + 91) / 5)


def test_a_write_after_a_long_silence_starts_over_and_a_late_one_widens_the_span() -> None:
    window = filled([1, 2, 3, 4, 5])
    window.record(66, 1984)
    assert window.average(66) == 1984
    window.record(63, 4)
    assert window.average(66) == (4 + 1984) / 4


def test_all_that_is_recorded_in_one_second_is_added() -> None:
    window = LinearWindow(5)
    window.record(3.1, 2)
    window.record(3.9, 4)
    assert window.average(3.95) == 6


def test_a_write_older_than_the_window_is_ignored() -> None:
    window = filled([1, 2, 3, 4, 5])
    window.record(-1, 100)
    assert window.average(4) == 3


def test_descending_writes_fill_the_window() -> None:
    window = LinearWindow(5)
    for second in (4, 3, 2, 1, 0, -1):
        window.record(second, second + 1)
    assert window.average(4) == 3


def test_a_hole_between_writes_counts_as_zeros() -> None:
    window = LinearWindow(5)
    window.record(0, 10)
    window.record(4, 10)
    assert window.average(4) == 4


def test_an_average_that_comes_back_to_zero_has_no_sign() -> None:
    window = LinearWindow(10)
    for second, value in enumerate((0, 0, 0, 0, 0, 0, 0, 0, 0.7, 0.1, *(0,) * 10)):
        window.record(second, value)
    assert str(window.average(19)) == "0.0"


def test_halves_of_the_last_decimal_are_rounded_up() -> None:
    # A sixteenth of 0.009 is 562.5 millionths, and of 0.011 687.5.
    assert filled([0.0] * 15 + [0.009], seconds=60).average(15) == 0.000563
    assert filled([0.0] * 15 + [0.011], seconds=60).average(15) == 0.000688


def test_a_new_window_is_empty_and_an_old_one_becomes_so_after_its_length() -> None:
    window = LinearWindow(5)
    assert window.is_empty(0)
    assert window.average(0) == 0
    window.record(0, 1)
    assert not window.is_empty(5)
    assert window.is_empty(6)


def test_a_second_is_known_only_inside_the_window_and_the_span_of_writes() -> None:
    window = filled([1, 2, 3, 4, 5, 6])
    assert [window.value_at(second) for second in range(7)] == [None, 2, 3, 4, 5, 6, None]


@pytest.mark.parametrize(("seconds", "average"), [(3, 4), (5, 3), (10, 3)])
def test_resizing_keeps_the_newest_seconds(seconds: int, average: float) -> None:
    window = filled([1, 2, 3, 4, 5])
    window.resize(seconds)
    assert window.seconds == seconds
    assert window.average(4) == average
    assert window.value_at(4) == 5


def test_a_resized_window_goes_on() -> None:
    window = filled([1, 2, 3, 4, 5])
    window.resize(10)
    window.record(5, 9)
    assert window.average(5) == 4


@pytest.mark.parametrize(("seconds", "smoothing"), [(6, 0.78456), (40, 0.20567), (60, 0.2)])
def test_the_smoothing_of_a_weighted_window(seconds: int, smoothing: float) -> None:
    assert WeightedWindow(seconds).smoothing == pytest.approx(smoothing, abs=1e-5)


def test_a_weighted_window_prefers_the_newest_second() -> None:
    window = WeightedWindow(6)
    for second, value in enumerate((2, 3, 4, 5, 6)):
        window.record(second, value)
    m = window.smoothing
    expected = sum(value * m * (1 - m) ** age for age, value in enumerate((6, 5, 4, 3, 2)))
    assert window.average(4) == pytest.approx(expected)
    later = sum(value * m * (1 - m) ** (age + 2) for age, value in enumerate((6, 5, 4, 3)))
    assert window.average(6) == pytest.approx(later)
    assert window.average(11) == 0


def test_a_weighted_window_is_not_normalised_while_it_fills() -> None:
    window = WeightedWindow(6)
    window.record(0, 2)
    assert window.average(0) == pytest.approx(2 * window.smoothing)


@pytest.mark.parametrize("aggregation", list(Aggregation))
def test_a_window_says_what_it_is(aggregation: Aggregation) -> None:
    window: Window = new_window(aggregation, 6)
    assert repr(window) == f"<{type(window).__name__} of 6 s, total 0>"


VALUES = st.lists(
    st.one_of(st.none(), st.floats(min_value=0, max_value=1e6)), min_size=1, max_size=200
)


@given(values=VALUES, seconds=st.integers(1, 30))
def test_the_running_sum_stays_what_a_fresh_sum_would_be(
    values: list[float | None], seconds: int
) -> None:
    window = LinearWindow(seconds)
    first: int | None = None
    last = -math.inf
    for second, value in enumerate(values):
        if value is None:
            continue
        if first is None or second - last >= seconds:
            first = second
        last = second
        window.record(second, value)
        inside = [known or 0.0 for known in values[max(first, second - seconds + 1) : second + 1]]
        expected = math.fsum(inside) / len(inside)
        assert window.average(second) == pytest.approx(expected, rel=1e-9, abs=2e-6)
