"""Who waits for a pod, in the order of arrival.

A request that was sent to a pod and refused there takes its old place again: whoever came first
goes first, however often it was turned away. So the queue is a heap ordered by arrival number; a
newcomer has the largest number and costs one comparison.

A waiter that gives up becomes a tombstone, since taking it out of the middle would cost as much as
the queue is long.

Example, limit 2: A and B wait, C is refused. A is taken and refused by its pod: `rejoin` puts it
before B again, whether or not the queue was full.
"""

import heapq
from typing import Generic, Protocol, TypeVar


class Waiter(Protocol):
    """Something that waits. Both attributes belong to the queue; start them at 0 and False."""

    arrival: int
    waiting: bool


WaiterT = TypeVar("WaiterT", bound=Waiter)


class QueueFullError(Exception):
    """As many requests wait as may wait."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} requests wait already")
        self.limit = limit


class AdmissionQueue(Generic[WaiterT]):
    """First in, first out, for at most `limit` newcomers."""

    __slots__ = ("_heap", "_last_arrival", "_length", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._heap: list[tuple[int, WaiterT]] = []
        self._last_arrival = 0
        self._length = 0

    def __repr__(self) -> str:
        return f"<AdmissionQueue {self._length}/{self.limit} waiting>"

    def __len__(self) -> int:
        return self._length

    def number(self, waiter: WaiterT) -> None:
        """Note that `waiter` has arrived, whether or not it will have to wait."""
        self._last_arrival += 1
        waiter.arrival = self._last_arrival

    def join(self, waiter: WaiterT) -> None:
        """Let a numbered newcomer wait. Raises QueueFullError."""
        if self._length >= self.limit:
            raise QueueFullError(self.limit)
        self.rejoin(waiter)

    def rejoin(self, waiter: WaiterT) -> None:
        """Give a waiter that was taken its old place again; it was admitted once already."""
        waiter.waiting = True
        self._length += 1
        heapq.heappush(self._heap, (waiter.arrival, waiter))

    def leave(self, waiter: WaiterT) -> None:
        """Let a waiter give up; no effect on one that does not wait."""
        if waiter.waiting:
            waiter.waiting = False
            self._length -= 1
            self._sweep()

    def first(self) -> WaiterT | None:
        """Return whoever has waited longest, and leave it there."""
        heap = self._heap
        while heap and not heap[0][1].waiting:
            heapq.heappop(heap)
        return heap[0][1] if heap else None

    def take(self) -> WaiterT | None:
        """Take out whoever has waited longest."""
        waiter = self.first()
        if waiter is not None:
            heapq.heappop(self._heap)
            waiter.waiting = False
            self._length -= 1
        return waiter

    def _sweep(self) -> None:
        # Keeps the heap within twice the waiters, at a constant cost for each that gives up.
        if len(self._heap) > 2 * self._length + 64:
            self._heap = [entry for entry in self._heap if entry[1].waiting]
            heapq.heapify(self._heap)
