"""A decision trace: load second by second, and what an autoscaler decided on it.

docs/replay.md describes the file. Field names here are its keys.
"""

from dataclasses import dataclass
from itertools import pairwise

from autoscaler.core.decider import DeciderSpec
from autoscaler.core.window import Aggregation

_POSITIVE = (
    "target_value",
    "stable_window_s",
    "panic_window_percentage",
    "max_scale_up_rate",
    "max_scale_down_rate",
)
_AGREEMENT = 1e-6
"""Averages that differ by no more are the same: traces are written with 6 decimals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSpec(DeciderSpec):
    """The decider's settings, and those of the windows before it. Raises ValueError."""

    aggregation: Aggregation
    panic_window_percentage: float
    initial_ready: int
    """Ready pods when the decider was made; over 1 it starts in panic."""

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                message = f"{name} must be over 0"
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
