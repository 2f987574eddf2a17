"""Load over time: how much there is at each moment, and what it counts."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

LONGEST_S: Final = 31 * 86_400
"""Of a run."""

MOST_LOAD: Final = 1_000_000
"""Clients at once, or arrivals a second; more is a slip, and would take for ever."""


class LoadKind(Enum):
    """What a level of load counts; the values are the column names of a trace."""

    CONCURRENCY = "concurrency"
    """Clients, each with one request in flight, one after the other."""

    ARRIVALS = "arrivals_per_s"
    """Requests that arrive in a second, at random and whether or not others were answered."""


class Level(NamedTuple):
    """The load from `begin_s` until `end_s`."""

    begin_s: float
    end_s: float
    value: float


@dataclass(frozen=True, slots=True)
class Load:
    """Levels of one kind, one after the other from 0 on, without gaps."""

    kind: LoadKind
    levels: tuple[Level, ...]

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return self.levels[-1].end_s


class Shape(Enum):
    """Loads that need no trace. Each is stretched over the whole run."""

    RAMP = "ramp"
    """Up for a quarter, at the peak for half, down for a quarter."""

    STEP = "step"
    """Four equal steps up to the peak."""

    BURST = "burst"
    """The peak for a tenth, in the middle."""

    DIURNAL = "diurnal"
    """A day: one wave from the night to the peak at noon and back."""

    POISSON = "poisson"
    """The peak all the time; only chance varies."""


def _diurnal(share: float) -> float:
    return (1 - math.cos(2 * math.pi * share)) / 2


_HEIGHTS: dict[Shape, Callable[[float], float]] = {
    Shape.RAMP: lambda share: min(1.0, 4 * share, 4 * (1 - share)),
    Shape.STEP: lambda share: (math.floor(4 * share) + 1) / 4,
    Shape.BURST: lambda share: 1.0 if 0.45 <= share < 0.55 else 0.0,  # noqa: PLR2004 -- the shape
    Shape.DIURNAL: _diurnal,
    Shape.POISSON: lambda _share: 1.0,
}
"""From the share of the run that is over to the height between low and peak, both 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapedLoad:
    """What a person says of a load without a trace."""

    shape: Shape
    kind: LoadKind
    low: float
    peak: float
    duration_s: int

    def load(self) -> Load:
        """Return the levels, one a second."""
        height = _HEIGHTS[self.shape]
        return Load(self.kind, tuple(self._levels(height)))

    def _levels(self, height: Callable[[float], float]) -> Iterator[Level]:
        for second in range(self.duration_s):
            share = (second + 0.5) / self.duration_s
            value = self.low + (self.peak - self.low) * height(share)
            yield Level(second, second + 1, value)
