"""Averages of a metric over the last seconds, in buckets of one second.

All that is recorded within one second is added up: the reports of a revision's pods and of the
activators together make the revision's value for that second. An average is then taken over
seconds, never over reports.

The hard part is what a missing second means. Seconds between two writes in which nothing was
recorded count as zeros: the revision existed and nobody reported load. Seconds before the first
write and after the last one do not count at all: nothing is known about them. So a window that is
only partly filled divides by the seconds it knows, and a silence as long as a window makes it
begin anew.

Worked example, a window of 5 s with the values 1, 2, 3, 4, 5 recorded in the seconds 0 to 4:

    at 4: (1+2+3+4+5) / 5 = 3
    at 6: the seconds 0 and 1 fell out, 5 and 6 are unknown: (3+4+5) / 3 = 4
    at 10: nothing is left: 0
    91 recorded in second 6, at 6: (3+4+5+0+91) / 5 = 20.6; second 5 was a hole

A metric has two windows, a long stable one and within it a short panic one. They look at the same
buckets, and differ in how far back they look and since when they know.

The weighted kind gives newer seconds more weight, m(1-m)^i for the one that is i seconds old; its
sum is not normalised while the window fills.

Source: Knative's `TimedFloat64Buckets` and `WeightedFloat64Buckets`.
"""

from __future__ import annotations

import math
from array import array
from enum import Enum

_NEVER = -(1 << 62)
"""A second so long ago that everything since then is older than any window."""

_LEAST_SMOOTHING = 0.2
_WEIGHT_OUTSIDE = 0.0001
"""Share of all weight that the seconds inside a weighted window do not carry."""
_DECIMALS = 1e6
"""Linear averages have 6 decimals."""


class Aggregation(Enum):
    """How the seconds of a window become one number."""

    LINEAR = "linear"
    WEIGHTED_EXPONENTIAL = "weighted-exponential"


class _Window:
    """The newest `seconds` of the buckets."""

    __slots__ = ("known_from", "seconds", "total")

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self.known_from = _NEVER
        """The first second that counts."""

        self.total = 0.0
        """Sum of its buckets."""


class Windows:
    """The stable and the panic window of one metric.

    They share a ring of one-second buckets, as long as the stable one; second `s` lives at index
    `s` modulo its length. Buckets in which nothing was recorded are zero.
    """

    __slots__ = ("_aggregation", "_buckets", "_last", "_panic", "_stable")

    def __init__(self, aggregation: Aggregation, stable_s: int, panic_s: int) -> None:
        """`panic_s` is at most `stable_s`."""
        self._aggregation = aggregation
        self._buckets = array("d", bytes(8 * stable_s))
        self._last = _NEVER
        self._stable = _Window(stable_s)
        self._panic = _Window(panic_s)

    def __repr__(self) -> str:
        stable, panic = self._stable, self._panic
        return (
            f"<Windows of {stable.seconds} and {panic.seconds} s, {self._aggregation.value},"
            f" totals {stable.total:g} and {panic.total:g}>"
        )

    @property
    def stable_s(self) -> int:
        """Length of the stable window."""
        return self._stable.seconds

    def stable_average(self, second: int) -> float:
        """Return the average of the stable window that ends with `second`; 0: nothing is known."""
        return self._average(self._stable, second)

    def panic_average(self, second: int) -> float:
        """Return the average of the panic window that ends with `second`; 0: nothing is known."""
        return self._average(self._panic, second)

    def _average(self, window: _Window, second: int) -> float:
        if second - self._last >= window.seconds:
            return 0.0
        if self._aggregation is Aggregation.LINEAR:
            return self._mean(window, second)
        return self._weighted_sum(window, second)

    def is_empty(self, second: int) -> bool:
        """Tell whether more than the stable window has passed since the last write."""
        return second - self._last > self._stable.seconds

    def value_at(self, second: int) -> float | None:
        """Return what was recorded in one second; None when nothing can be known about it."""
        stable = self._stable
        oldest = max(stable.known_from, self._last - stable.seconds + 1)
        inside = oldest <= second <= self._last
        return self._buckets[second % stable.seconds] if inside else None

    def record(self, second: int, value: float) -> None:
        """Add `value` to a second, which may be late but not older than the stable window."""
        if second != self._last + 1:
            self._record_out_of_turn(second, value)
            return
        buckets, stable, panic = self._buckets, self._stable, self._panic
        index = second % stable.seconds
        panic.total += value - buckets[(second - panic.seconds) % stable.seconds]
        stable.total += value - buckets[index]
        buckets[index] = value
        self._last = second
        if index == 0:
            # Once a round the running sums are made exact again, so that errors cannot pile up.
            self._add_up()

    def configure(self, aggregation: Aggregation, stable_s: int, panic_s: int) -> None:
        """Change the kind and the lengths; the newest seconds are kept."""
        self._aggregation = aggregation
        if (stable_s, panic_s) == (self._stable.seconds, self._panic.seconds):
            return
        buckets = array("d", bytes(8 * stable_s))
        for second in self._newest(min(stable_s, self._stable.seconds)):
            buckets[second % stable_s] = self._buckets[second % self._stable.seconds]
        self._buckets = buckets
        stable, panic = self._stable, self._panic
        stable.known_from = max(stable.known_from, self._last - stable.seconds + 1)
        if panic_s > panic.seconds:
            panic.known_from = stable.known_from
        stable.seconds, panic.seconds = stable_s, panic_s
        self._add_up()

    def _record_out_of_turn(self, second: int, value: float) -> None:
        gap = second - self._last
        if gap <= -self._stable.seconds:
            return
        if gap > 0:
            self._pass_over(second)
        self._buckets[second % self._stable.seconds] += value
        for window in (self._stable, self._panic):
            if gap >= window.seconds:
                window.known_from = second
            if gap > -window.seconds:
                window.known_from = min(window.known_from, second)
                window.total += value

    def _pass_over(self, second: int) -> None:
        """Clear the buckets of the seconds up to `second`, which becomes the last one."""
        length = self._stable.seconds
        for passed in range(max(self._last, second - length) + 1, second + 1):
            self._buckets[passed % length] = 0.0
        self._last = second
        self._add_up()

    def _add_up(self) -> None:
        buckets, length = self._buckets, self._stable.seconds
        self._stable.total = math.fsum(buckets)
        self._panic.total = math.fsum(
            buckets[second % length] for second in self._newest(self._panic.seconds)
        )

    def _newest(self, seconds: int) -> range:
        return range(self._last - seconds + 1, self._last + 1)

    def _mean(self, window: _Window, second: int) -> float:
        """Return the mean of the known seconds, rounded to 6 decimals as Knative's."""
        last, length, total = self._last, window.seconds, window.total
        known = min(last - window.known_from + 1, length)
        if second > last:
            gap = second - last
            for gone in range(last - length + 1, last - length + gap + 1):
                total -= self._buckets[gone % self._stable.seconds]
            known = min(known, length - gap)
        # Halves go up, as Knative's; round() takes them to the nearest even digit. An int has no
        # sign at zero, which the running sum may miss by a hair.
        return math.floor(total / known * _DECIMALS + 0.5) / _DECIMALS

    def _weighted_sum(self, window: _Window, second: int) -> float:
        """Return the weighted sum of the seconds; unknown ones have no value."""
        gap = max(0, second - self._last)
        m = smoothing(window.seconds)
        weight = m * math.pow(1 - m, gap)
        average = 0.0
        for age in range(window.seconds - gap):
            average += weight * self._buckets[(self._last - age) % self._stable.seconds]
            weight *= 1 - m
        return average


def smoothing(seconds: int) -> float:
    """Return the weight of the newest second of a weighted window, 0.2 to 1."""
    return max(_LEAST_SMOOTHING, 1 - math.pow(_WEIGHT_OUTSIDE, 1 / seconds))


def panic_window_s(stable_window_s: int, percentage: float) -> int:
    """Return the panic window's length: a share of the stable one, in whole seconds, 1 or more."""
    return max(1, math.floor(stable_window_s * percentage / 100 + 0.5))
