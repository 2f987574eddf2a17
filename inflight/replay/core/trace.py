"""A decision trace: load second by second, and what an autoscaler decided on it.

docs/replay.md describes the file. Field names here are its keys.
"""

from dataclasses import dataclass
from itertools import pairwise

from autoscaler.core.decider import DeciderSpec
from autoscaler.core.window import Aggregation

_LEAST = 1e-6
_MOST = 1e12
"""Beyond these, quotients of two numbers could be too large for floating point."""
_RANGES = {
    "target_value": (_LEAST, _MOST),
    "total_value": (-_MOST, _MOST),
    "target_burst_capacity": (-1, _MOST),
    "stable_window_s": (1, 86_400),
    "panic_window_percentage": (_LEAST, 100),
    "max_scale_up_rate": (_LEAST, _MOST),
    "max_scale_down_rate": (_LEAST, _MOST),
    "scale_down_delay_s": (0, _MOST),
    "activation_scale": (-_MOST, _MOST),
    "initial_ready": (0, _MOST),
}
_AGREEMENT = 1e-6 + 1e-9
"""Averages that differ by no more are the same. Linear ones have 6 decimals: the nearest two differ
by 1e-6, and by the hair that floating point makes of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSpec(DeciderSpec):
    """The decider's settings, and those of the windows before it. Raises ValueError."""

    aggregation: Aggregation
    panic_window_percentage: float
    initial_ready: int
    """Ready pods when the decider was made; over 1 it starts in panic."""

    def __post_init__(self) -> None:
        for name, (least, most) in _RANGES.items():
            if not least <= getattr(self, name) <= most:
                message = f"{name} must be from {least:g} to {most:g}"
                raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was decided in one tick."""

    stable: float
    panic: float
    desired: int
    excess_burst_capacity: int
    valid: bool
    """False: no data, the scale is kept, and the numbers say nothing."""

    def agrees_with(self, other: "Verdict") -> bool:
        """Tell whether averages agree within 1e-6 and all the rest exactly."""
        if not self.valid or not other.valid:
            return self.valid is other.valid
        return (
            abs(self.stable - other.stable) <= _AGREEMENT
            and abs(self.panic - other.panic) <= _AGREEMENT
            and self.desired == other.desired
            and self.excess_burst_capacity == other.excess_burst_capacity
        )

    def __str__(self) -> str:
        if not self.valid:
            return "no data"
        averages = f"{self.stable:.6f} {self.panic:.6f}"
        return f"{averages} {self.desired} {self.excess_burst_capacity}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTick(Verdict):
    """A tick of a trace: when it was, what the decider saw, and what it decided."""

    t: int
    """The second after whose sample it was decided."""

    ready: int

    def __post_init__(self) -> None:
        if not 0 <= self.ready <= _MOST:
            message = f"ready must be from 0 to {_MOST:g}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Load, and the decisions taken on it. Raises ValueError."""

    name: str
    spec: TraceSpec
    load: tuple[float | None, ...]
    """One value a second, summed over the revision. None: no sample."""

    ticks: tuple[RecordedTick, ...]

    def __post_init__(self) -> None:
        seconds = [-1, *(tick.t for tick in self.ticks), len(self.load)]
        if any(after <= before for before, after in pairwise(seconds)):
            message = f"ticks of {self.name!r} must be in order, and within the seconds of its load"
            raise ValueError(message)
        if not self.ticks:
            message = f"{self.name!r} must have ticks"
            raise ValueError(message)
        if any(load is not None and not 0 <= load <= _MOST for load in self.load):
            message = f"load of {self.name!r} must be from 0 to {_MOST:g}"
            raise ValueError(message)
