"""What arrivals and ends at a model say of those before it."""

from collections.abc import Sequence


def first_delays_s(began_at: float, arrivals: Sequence[float], count: int) -> list[float]:
    """Return how long after a model began to listen its first `count` requests came."""
    return [arrival - began_at for arrival in sorted(arrivals)[:count]]


def reuse_gaps_s(arrivals: Sequence[float], ends: Sequence[float], limit: int) -> list[float]:
    """Return for how long each freed slot stood empty while requests waited.

    A model with `limit` slots, all taken while anybody waits: then the n-th end is followed by
    arrival number `limit` + n. Example: limit 1, arrivals at 0, 1.1 and 2.3, ends at 1, 2 and 3:
    the first slot stood empty for 0.1 s, the second for 0.3 s, and after the third nobody waited.
    """
    return [
        max(0.0, arrival - end)
        for end, arrival in zip(sorted(ends), sorted(arrivals)[limit:], strict=False)
    ]
