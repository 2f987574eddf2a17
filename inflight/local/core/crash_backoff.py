"""How long to wait before a lost pod is replaced."""

_LONGEST_S = 30.0
_SETTLED_AFTER_S = 10.0


class CrashBackoff:
    """Delays of 0, 1, 2, 4 … 30 seconds for pods lost one after the other.

    A pod that had been ready for 10 s shows that the program can work, so its loss starts over.
    """

    __slots__ = ("_delay_s", "_start_at")

    def __init__(self) -> None:
        self._delay_s = 0.0
        self._start_at = 0.0

    def __repr__(self) -> str:
        return f"<CrashBackoff next delay {self._delay_s:g} s>"

    def pod_lost(self, now: float, ready_s: float) -> None:
        """Note that a pod was lost that had been ready for `ready_s` (0: never)."""
        if ready_s >= _SETTLED_AFTER_S:
            self._delay_s = 0.0
        self._start_at = now + self._delay_s
        self._delay_s = min(_LONGEST_S, max(1.0, 2 * self._delay_s))

    def wait_s(self, now: float) -> float:
        """Return how long no pod may be started from `now` on; 0: start at once."""
        return max(0.0, self._start_at - now)
