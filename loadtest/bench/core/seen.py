"""What a load generator saw of one run."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Units (requests or events) that arrived, and how fast."""

    units: int
    duration_s: float
    p50_ms: float
    p99_ms: float
    failed: int


def percentile(ascending: Sequence[float], ratio: float) -> float:
    """Return the smallest value that a `ratio` of all do not exceed; NaN when there is none."""
    if not ascending:
        return float("nan")
    place = -int(-ratio * len(ascending) // 1)
    return ascending[max(place, 1) - 1]
