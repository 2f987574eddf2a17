"""Load shapes: how many users there are at each moment of a run.

A user has at most one request in flight, so users are the requests that a shape keeps in flight.
"""

import math
from dataclasses import dataclass
from typing import Protocol


class Shape(Protocol):
    """A plan of users over time."""

    @property
    def peak_users(self) -> int:
        """The most users that there ever are."""
        ...

    def users_at(self, elapsed_s: float) -> int | None:
        """Return the users wanted `elapsed_s` after the start, 1 or more; None: it is over."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """Up to the peak, hold it, down again: the load of Knative's autoscale sample."""

    peak_users: int
    up_s: float
    hold_s: float
    down_s: float

    def users_at(self, elapsed_s: float) -> int | None:
        """Return the users wanted; see `Shape`."""
        left_s = self.up_s + self.hold_s + self.down_s - elapsed_s
        if left_s <= 0:
            return None
        share = 1.0
        if elapsed_s < self.up_s:
            share = elapsed_s / self.up_s
        elif left_s < self.down_s:
            share = left_s / self.down_s
        return max(1, math.ceil(self.peak_users * share))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Equal steps up to the peak, each held as long; then it stops at once."""

    peak_users: int
    steps: int
    step_s: float

    def users_at(self, elapsed_s: float) -> int | None:
        """Return the users wanted; see `Shape`."""
        step = int(elapsed_s / self.step_s) + 1
        if step > self.steps:
            return None
        return math.ceil(self.peak_users * step / self.steps)
