import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.window import Aggregation, Windows, smoothing

LINEAR, WEIGHTED = Aggregation.LINEAR, Aggregation.WEIGHTED_EXPONENTIAL


def filled(values: list[float], seconds: int = 5, panic_s: int = 1) -> Windows:
    window = Windows(LINEAR, seconds, panic_s)
    for second, value in enumerate(values):
        window.record(second, value)
    return window


def test_the_worked_example_of_the_module() -> None:
    window = filled([1])
    assert window.stable_average(0) == 1
    window = filled([1, 2, 3, 4, 5])
    assert window.stable_average(4) == 3
    assert window.stable_average(6) == 4
    assert window.stable_average(10) == 0
    window.record(6, 91)
    assert window.stable_average(6) == pytest.approx((3 + 4 + 5 + 91) / 5)


def test_a_write_after_a_long_silence_starts_over_and_a_late_one_widens_the_span() -> None:
    window = filled([1, 2, 3, 4, 5])
    window.record(66, 1984)
    assert window.stable_average(66) == 1984
    window.record(63, 4)
    assert window.stable_average(66) == (4 + 1984) / 4


def test_all_that_is_recorded_in_one_second_is_added() -> None:
    window = Windows(LINEAR, 5, 1)
    window.record(3, 2)
    window.record(3, 4)
    assert window.stable_average(3) == 6


def test_a_write_older_than_the_window_is_ignored() -> None:
    window = filled([1, 2, 3, 4, 5])
    window.record(-1, 100)
    assert window.stable_average(4) == 3


def test_descending_writes_fill_the_window() -> None:
    window = Windows(LINEAR, 5, 1)
    for second in (4, 3, 2, 1, 0, -1):
        window.record(second, second + 1)
    assert window.stable_average(4) == 3


def test_a_hole_between_writes_counts_as_zeros() -> None:
    window = Windows(LINEAR, 5, 1)
    window.record(0, 10)
    window.record(4, 10)
    assert window.stable_average(4) == 4


def test_an_average_that_comes_back_to_zero_has_no_sign() -> None:
    window = Windows(LINEAR, 10, 1)
    for second, value in enumerate((0, 0, 0, 0, 0, 0, 0, 0, 0.7, 0.1, *(0,) * 10)):
        window.record(second, value)
    assert str(window.stable_average(19)) == "0.0"


def test_halves_of_the_last_decimal_are_rounded_up() -> None:
    # A sixteenth of 0.009 is 562.5 millionths, and of 0.011 687.5.
    assert filled([0.0] * 15 + [0.009], seconds=60).stable_average(15) == 0.000563
    assert filled([0.0] * 15 + [0.011], seconds=60).stable_average(15) == 0.000688


def test_a_new_window_is_empty_and_an_old_one_becomes_so_after_its_length() -> None:
    window = Windows(LINEAR, 5, 1)
    assert window.is_empty(0)
    assert window.stable_average(0) == 0
    window.record(0, 1)
    assert not window.is_empty(5)
    assert window.is_empty(6)


def test_a_second_is_known_only_inside_the_window_and_the_span_of_writes() -> None:
    window = filled([1, 2, 3, 4, 5, 6])
    assert [window.value_at(second) for second in range(7)] == [None, 2, 3, 4, 5, 6, None]


@pytest.mark.parametrize(("seconds", "average"), [(3, 4), (5, 3), (10, 3)])
def test_resizing_keeps_the_newest_seconds(seconds: int, average: float) -> None:
    window = filled([1, 2, 3, 4, 5])
    window.configure(LINEAR, seconds, 1)
    assert window.stable_s == seconds
    assert window.stable_average(4) == average
    assert window.value_at(4) == 5


def test_a_resized_window_goes_on() -> None:
    window = filled([1, 2, 3, 4, 5])
    window.configure(LINEAR, 10, 1)
    window.record(5, 9)
    assert window.stable_average(5) == 4


@pytest.mark.parametrize(("seconds", "weight"), [(6, 0.78456), (40, 0.20567), (60, 0.2)])
def test_the_smoothing_of_a_weighted_window(seconds: int, weight: float) -> None:
    assert smoothing(seconds) == pytest.approx(weight, abs=1e-5)


def test_a_weighted_window_prefers_the_newest_second() -> None:
    window = Windows(WEIGHTED, 6, 1)
    for second, value in enumerate((2, 3, 4, 5, 6)):
        window.record(second, value)
    m = smoothing(6)
    expected = sum(value * m * (1 - m) ** age for age, value in enumerate((6, 5, 4, 3, 2)))
    assert window.stable_average(4) == pytest.approx(expected)
    later = sum(value * m * (1 - m) ** (age + 2) for age, value in enumerate((6, 5, 4, 3)))
    assert window.stable_average(6) == pytest.approx(later)
    assert window.stable_average(11) == 0


def test_a_weighted_window_is_not_normalised_while_it_fills() -> None:
    window = Windows(WEIGHTED, 6, 1)
    window.record(0, 2)
    assert window.stable_average(0) == pytest.approx(2 * smoothing(6))


@pytest.mark.parametrize("aggregation", list(Aggregation))
def test_a_window_says_what_it_is(aggregation: Aggregation) -> None:
    window = Windows(aggregation, 6, 2)
    window.record(5, 3)
    window.record(7, 4)
    kind = aggregation.value
    assert repr(window) == f"<Windows of 6 and 2 s, {kind}, totals 7 and 4>"


def test_another_aggregation_looks_at_the_same_seconds() -> None:
    window = filled([1, 2, 3, 4, 5, 6], seconds=6)
    window.configure(WEIGHTED, 6, 1)
    m = smoothing(6)
    expected = sum(value * m * (1 - m) ** age for age, value in enumerate((6, 5, 4, 3, 2, 1)))
    assert window.stable_average(5) == pytest.approx(expected)
    window.configure(LINEAR, 6, 1)
    assert window.stable_average(5) == 3.5


RECORDS = st.lists(
    st.tuples(st.integers(-12, 12), st.floats(min_value=0, max_value=1e6)), min_size=1, max_size=60
)
"""Each: how much later than the one before, and what; some are late, some come after a silence."""


class PlainWindow:
    """One window by itself, added up anew each time."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._values: dict[int, float] = {}

    def record(self, second: int, value: float) -> None:
        last = max(self._values, default=second)
        if second <= last - self._seconds:
            return
        if second >= last + self._seconds:
            self._values = {}
        self._values[second] = self._values.get(second, 0.0) + value
        newest = max(self._values)
        # A second that falls out leaves the one after it known, if only as zero.
        begin = max(min(self._values), newest - self._seconds + 1)
        self._values = {at: self._values.get(at, 0.0) for at in range(begin, newest + 1)}

    def average(self, second: int) -> float:
        known = [value for at, value in self._values.items() if at > second - self._seconds]
        return math.fsum(known) / len(known) if known else 0.0


@given(records=RECORDS, stable_s=st.integers(1, 30), share=st.floats(0, 1), gap=st.integers(0, 8))
def test_two_windows_over_one_ring_are_as_two_windows(
    records: list[tuple[int, float]], stable_s: int, share: float, gap: int
) -> None:
    panic_s = max(1, int(stable_s * share))
    both, stable, panic = (
        Windows(LINEAR, stable_s, panic_s),
        PlainWindow(stable_s),
        PlainWindow(panic_s),
    )
    second = 0
    for later, value in records:
        second += later
        for window in (both, stable, panic):
            window.record(second, value)
        end = max(stable._values) + gap
        assert both.stable_average(end) == pytest.approx(stable.average(end), rel=1e-9, abs=2e-6)
        assert both.panic_average(end) == pytest.approx(panic.average(end), rel=1e-9, abs=2e-6)


def test_a_panic_window_begins_anew_after_a_silence_of_its_length() -> None:
    window = filled([6] * 10, seconds=60, panic_s=6)
    window.record(15, 12)
    assert window.panic_average(15) == 12
    assert window.stable_average(15) == 72 / 16


def test_a_longer_panic_window_knows_what_the_stable_one_knew() -> None:
    window = filled([1, 2, 3, 4, 5, 6], seconds=60, panic_s=2)
    window.record(8, 9)  # the panic window begins anew
    window.configure(LINEAR, 60, 4)
    assert window.panic_average(8) == (6 + 9) / 4
    window.record(9, 7)
    assert window.panic_average(9) == (9 + 7) / 4


def test_a_weighted_panic_window_weighs_its_own_seconds() -> None:
    window = Windows(WEIGHTED, 60, 6)
    for second, value in enumerate((9, 2, 3, 4, 5, 6, 7)):
        window.record(second, value)
    m = smoothing(6)
    expected = sum(value * m * (1 - m) ** age for age, value in enumerate((7, 6, 5, 4, 3, 2)))
    assert window.panic_average(6) == pytest.approx(expected)
