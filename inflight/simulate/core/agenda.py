"""What happens next: simulated time jumps from one appointment to the following one."""

import heapq
from collections.abc import Callable

Action = Callable[[], None]


class Agenda:
    """Appointments in the order of time; of the same time, in the order in which they were made."""

    __slots__ = ("_heap", "_made", "now")

    def __init__(self) -> None:
        self.now = 0.0
        """Simulated seconds since the start."""

        self._heap: list[tuple[float, int, Action]] = []
        self._made = 0

    def __repr__(self) -> str:
        return f"<Agenda at {self.now:g} s, {len(self._heap)} appointments>"

    def at(self, when: float, action: Action) -> None:
        """Do `action` at `when`, which is not in the past."""
        self._made += 1
        heapq.heappush(self._heap, (when, self._made, action))

    def run_until(self, end: float) -> None:
        """Do all that is due before `end`."""
        heap = self._heap
        while heap and heap[0][0] < end:
            self.now, _, action = heapq.heappop(heap)
            action()
        self.now = end
