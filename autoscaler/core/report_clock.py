"""Which of our seconds an activator's report is for.

Reports come once a second, each some milliseconds early or late. Counted for the second of their
arrival, two of them would now and then fall into one second and none into the next, and the panic
window would see load that comes and goes. So our activators number their reports (`timestamp` of
their stats), and consecutive numbers are counted for consecutive seconds, whenever they arrive.
What an activator tells early carries the number of the report that it is taken off, and so lands in
the same second.

Worked example: reports 7, 8 and 9 arrive at 100.98, 102.01 and 102.99. They count for 100, 101 and
102, and not for 100 and twice 102.

Knative's activator does not number its reports (0): they count for the second of their arrival, as
in Knative.
"""

import math
from typing import Final

UNNUMBERED: Final = 0
MOST_SHIFT_S: Final = 1.25
"""A report that arrives so long before or after the begin of its second starts a new count: one
clock is faster, or the activator stood still."""


class ReportClock:
    """Turns one connection's report numbers into seconds."""

    __slots__ = ("_shift",)

    def __init__(self) -> None:
        self._shift: int | None = None

    def __repr__(self) -> str:
        return f"<ReportClock shift {self._shift}>"

    def second(self, number: int, now: float) -> int:
        """Return the second for which report `number`, which arrives at `now`, is counted."""
        arrival = math.floor(now)
        if number == UNNUMBERED:
            return arrival
        if self._shift is None or abs(now - number - self._shift) > MOST_SHIFT_S:
            self._shift = arrival - number
        return number + self._shift
