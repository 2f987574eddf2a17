"""Averages of a metric over the last seconds, in buckets of one second.

All that is recorded within one second is added up: the reports of a revision's pods and of the
activators together make the revision's value for that second. An average is then taken over
seconds, never over reports.

The hard part is what a missing second means. Seconds between two writes in which nothing was
recorded count as zeros: the revision existed and nobody reported load. Seconds before the first
write and after the last one do not count at all: nothing is known about them. So a window that is
only partly filled divides by the seconds it knows.

Worked example, a window of 5 s with the values 1, 2, 3, 4, 5 recorded in the seconds 0 to 4:

    at 4: (1+2+3+4+5) / 5 = 3
    at 6: the seconds 0 and 1 fell out, 5 and 6 are unknown: (3+4+5) / 3 = 4
    at 10: nothing is left: 0
    91 recorded in second 6, at 6: (3+4+5+0+91) / 5 = 20.6; second 5 was a hole

The weighted window gives newer seconds more weight, m(1-m)^i for the one that is i seconds old; its
sum is not normalised while the window fills.

Source: Knative's `TimedFloat64Buckets` and `WeightedFloat64Buckets`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
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


class Window(ABC):
    """A ring of one-second buckets; second `s` lives at index `s` modulo its length."""

    __slots__ = ("_buckets", "_first", "_last", "_total")

    def __init__(self, seconds: int) -> None:
        self._buckets = array("d", bytes(8 * seconds))
        self._first = _NEVER
        self._last = _NEVER
        self._total = 0.0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.seconds} s, total {self._total:g}>"

    @property
    def seconds(self) -> int:
        """Length of the window."""
        return len(self._buckets)

    @abstractmethod
    def average(self, now: float) -> float:
        """Return the average at `now`; 0 when nothing is known."""

    def is_empty(self, now: float) -> bool:
        """Tell whether more than the window has passed since the last write."""
        return math.floor(now) - self._last > self.seconds

    def value_at(self, second: int) -> float | None:
        """Return what was recorded in one second; None when nothing can be known about it."""
        inside = max(self._first, self._last - self.seconds + 1) <= second <= self._last
        return self._buckets[second % self.seconds] if inside else None

    def record(self, now: float, value: float) -> None:
        """Add `value` to the second of `now`, which may be late but not older than the window."""
        second = math.floor(now)
        gap = second - self._last
        if gap == 1 < self.seconds:  # the next second, as nearly always
            self._append(second, value)
            return
        if gap <= -self.seconds:
            return
        if gap >= self.seconds:
            self._start_over(second)
        elif gap > 0:
            self._advance(second)
        self._first = min(self._first, second)
        self._buckets[second % self.seconds] += value
        self._total += value

    def resize(self, seconds: int) -> None:
        """Change the length; the newest seconds are kept."""
        if seconds == self.seconds:
            return
        kept = min(seconds, self.seconds)
        buckets = array("d", bytes(8 * seconds))
        for second in range(self._last - kept + 1, self._last + 1):
            buckets[second % seconds] = self._buckets[second % self.seconds]
        self._first = max(self._first, self._last - self.seconds + 1)
        self._buckets = buckets
        self._total = math.fsum(buckets)

    def _start_over(self, second: int) -> None:
        self._buckets = array("d", bytes(8 * self.seconds))
        self._first = self._last = second
        self._total = 0.0

    def _append(self, second: int, value: float) -> None:
        buckets = self._buckets
        index = second % len(buckets)
        self._total += value - buckets[index]
        buckets[index] = value
        if index == 0:
            self._total = math.fsum(buckets)  # as in _advance
        self._last = second

    def _advance(self, second: int) -> None:
        for passed in range(self._last + 1, second + 1):
            index = passed % self.seconds
            self._total -= self._buckets[index]
            self._buckets[index] = 0.0
            if index == 0:
                # Once a round the running sum is made exact again, so that errors cannot pile up.
                self._total = math.fsum(self._buckets)
        self._last = second


class LinearWindow(Window):
    """Every second counts the same. Averages are rounded to 6 decimals, as Knative's."""

    __slots__ = ()

    def average(self, now: float) -> float:
        """Return the mean of the known seconds of the window that ends at `now`."""
        buckets, last = self._buckets, self._last
        seconds = len(buckets)
        gap = max(0, math.floor(now) - last)
        if gap >= seconds:
            return 0.0
        total = self._total
        for second in range(last + 1, last + gap + 1):
            total -= buckets[second % seconds]
        known = min(last - self._first + 1, seconds - gap)
        # Halves go up, as Knative's; round() takes them to the nearest even digit. An int has no
        # sign at zero, which the running sum may miss by a hair.
        return math.floor(total / known * _DECIMALS + 0.5) / _DECIMALS


class WeightedWindow(Window):
    """Newer seconds count more."""

    __slots__ = ()

    @property
    def smoothing(self) -> float:
        """Weight of the newest second, 0.2 to 1."""
        return max(_LEAST_SMOOTHING, 1 - math.pow(_WEIGHT_OUTSIDE, 1 / self.seconds))

    def average(self, now: float) -> float:
        """Return the weighted sum of the window's seconds; unknown ones have no value."""
        gap = max(0, math.floor(now) - self._last)
        if gap > self.seconds:
            return 0.0
        smoothing = self.smoothing
        weight = smoothing * math.pow(1 - smoothing, gap)
        average = 0.0
        for age in range(self.seconds - gap):
            average += weight * self._buckets[(self._last - age) % self.seconds]
            weight *= 1 - smoothing
        return average


def new_window(aggregation: Aggregation, seconds: int) -> Window:
    """Return an empty window of the given kind."""
    match aggregation:
        case Aggregation.LINEAR:
            return LinearWindow(seconds)
        case Aggregation.WEIGHTED_EXPONENTIAL:
            return WeightedWindow(seconds)


def panic_window_s(stable_window_s: int, percentage: float) -> int:
    """Return the panic window's length: a share of the stable one, in whole seconds, 1 or more."""
    return max(1, math.floor(stable_window_s * percentage / 100 + 0.5))
