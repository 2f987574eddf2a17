"""When a refused client should come again: learned from recent cold starts and waits in the queue.

The advice is a guess, so it is bounded on both sides: never at once, which would bring the same
refusal, and never so late that a client is lost for the rest of the day.
"""

import math
from collections import deque
from typing import Final

LEAST_S: Final = 1
MOST_S: Final = 300

_FIRST_GUESS_S: Final = 10
"""For a revision whose starts have not been seen yet."""

_COLD_STARTS: Final = 8
_WAITS: Final = 64


class RetryAdvice:
    """Remembers the last few cold starts and waits of one revision, in seconds."""

    __slots__ = ("_cold_starts", "_waits")

    def __init__(self) -> None:
        self._cold_starts: deque[float] = deque(maxlen=_COLD_STARTS)
        self._waits: deque[float] = deque(maxlen=_WAITS)

    def __repr__(self) -> str:
        return f"<RetryAdvice {len(self._cold_starts)} cold starts, {len(self._waits)} waits>"

    def cold_start_took(self, seconds: float) -> None:
        """Note how long the first request waited for a pod."""
        self._cold_starts.append(seconds)

    def waited(self, seconds: float) -> None:
        """Note how long a request waited for a slot while pods served."""
        self._waits.append(seconds)

    def starting_s(self, elapsed_s: float) -> int:
        """Return the advice while no pod serves, `elapsed_s` after the start began.

        The longest start of the last few is taken: who comes too early is refused again.
        """
        expected_s = max(self._cold_starts, default=_FIRST_GUESS_S)
        return _bounded(expected_s - elapsed_s)

    def queueing_s(self) -> int:
        """Return the advice while pods serve and the queue is long: the mean of recent waits."""
        return _bounded(sum(self._waits) / len(self._waits) if self._waits else LEAST_S)


def _bounded(seconds: float) -> int:
    return min(max(math.ceil(seconds), LEAST_S), MOST_S)
