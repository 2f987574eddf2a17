"""Who waits for a pod: priorities first, then tenants in turns, then the order of arrival.

Without priorities and tenants that is first in, first out. A level of priority is served only when
all before it are empty; within a level `fair_queue` takes turns.

How many may wait is bounded, by count and by bytes, for the revision and for the process, and if so
configured for one tenant and one level. A request that was admitted once and comes back from its
pod is never turned away: its place was counted when it came.

Example, limit 2: A and B wait, C is refused. A is taken and refused by its pod: `rejoin` puts it
before B again, whether or not the queue was full.
"""

from enum import Enum
from typing import Generic, NamedTuple

from activator.core.claim import Claim
from activator.core.fair_queue import FairQueue, WaiterT


class Bound(Enum):
    """Which bound a newcomer met."""

    REVISION_COUNT = "revision-count"
    REVISION_BYTES = "revision-bytes"
    PROCESS_COUNT = "process-count"
    PROCESS_BYTES = "process-bytes"
    TENANT_COUNT = "tenant-count"
    PRIORITY_COUNT = "priority-count"


class QueueFullError(Exception):
    """As much waits as may wait; `bound` tells by which measure."""

    def __init__(self, bound: Bound) -> None:
        super().__init__(f"no place to wait: {bound.value}")
        self.bound = bound


class QueueLimits(NamedTuple):
    """What may wait in one queue. The last two: 0 means no limit of their own."""

    requests: int
    held_bytes: int
    tenant_requests: int = 0
    level_requests: int = 0


class HeldTotals:
    """What waits in all queues of a process, and what may."""

    __slots__ = ("held_bytes", "most", "most_bytes", "requests")

    def __init__(self, most: int, most_bytes: int) -> None:
        self.most = most
        self.most_bytes = most_bytes
        self.requests = 0
        self.held_bytes = 0

    def __repr__(self) -> str:
        return f"<HeldTotals {self.requests}/{self.most} requests, {self.held_bytes} bytes>"


class AdmissionQueue(Generic[WaiterT]):
    """Bounds what waits for one revision, and says whose turn it is."""

    __slots__ = ("_held_bytes", "_last_arrival", "_length", "_levels", "_totals", "limits")

    def __init__(self, limits: QueueLimits, totals: HeldTotals) -> None:
        self.limits = limits
        self._totals = totals
        self._levels: dict[int, FairQueue[WaiterT]] = {}
        self._last_arrival = 0
        self._length = 0
        self._held_bytes = 0

    def __repr__(self) -> str:
        return f"<AdmissionQueue {self._length}/{self.limits.requests} waiting>"

    def __len__(self) -> int:
        return self._length

    @property
    def held_bytes(self) -> int:
        """Memory that is reserved for those who wait."""
        return self._held_bytes

    def number(self, waiter: WaiterT) -> None:
        """Note that `waiter` has arrived, whether or not it will have to wait."""
        self._last_arrival += 1
        waiter.arrival = self._last_arrival

    def join(self, waiter: WaiterT) -> None:
        """Let a numbered newcomer wait. Raises QueueFullError."""
        level = self._level(waiter)
        bound = self._bound_met(waiter.claim, level)
        if bound is not None:
            raise QueueFullError(bound)
        level.join(waiter)
        self._count_in(waiter)

    def rejoin(self, waiter: WaiterT) -> None:
        """Give a waiter that was taken its old place again; it was admitted once already."""
        self._level(waiter).rejoin(waiter)
        self._count_in(waiter)

    def leave(self, waiter: WaiterT) -> None:
        """Let a waiter give up; no effect on one that does not wait."""
        if waiter.waiting:
            self._level(waiter).leave(waiter)
            self._count_out(waiter)

    def first(self) -> WaiterT | None:
        """Return whose turn it is, and leave it there."""
        for level in self._levels.values():
            if level:
                return level.first()
        return None

    def take(self) -> WaiterT | None:
        """Take out whose turn it is."""
        for level in self._levels.values():
            waiter = level.take()
            if waiter is not None:
                self._count_out(waiter)
                return waiter
        return None

    def _level(self, waiter: WaiterT) -> FairQueue[WaiterT]:
        number = waiter.claim.level
        level = self._levels.get(number)
        if level is None:
            levels = {**self._levels, number: FairQueue[WaiterT]()}
            self._levels = dict(sorted(levels.items()))  # the most urgent first
            level = self._levels[number]
        return level

    def _bound_met(self, claim: Claim, level: FairQueue[WaiterT]) -> Bound | None:
        limits, totals = self.limits, self._totals
        if self._length >= limits.requests:
            return Bound.REVISION_COUNT
        if self._held_bytes + claim.held_bytes > limits.held_bytes:
            return Bound.REVISION_BYTES
        if totals.requests >= totals.most:
            return Bound.PROCESS_COUNT
        if totals.held_bytes + claim.held_bytes > totals.most_bytes:
            return Bound.PROCESS_BYTES
        return self._class_bound_met(claim, level)

    def _class_bound_met(self, claim: Claim, level: FairQueue[WaiterT]) -> Bound | None:
        limits = self.limits
        if 0 < limits.tenant_requests <= self._waiting_of(claim.tenant):
            return Bound.TENANT_COUNT
        if 0 < limits.level_requests <= len(level):
            return Bound.PRIORITY_COUNT
        return None

    def _waiting_of(self, tenant: bytes) -> int:
        return sum(level.waiting_of(tenant) for level in self._levels.values())

    def _count_in(self, waiter: WaiterT) -> None:
        held_bytes = waiter.claim.held_bytes
        self._length += 1
        self._held_bytes += held_bytes
        self._totals.requests += 1
        self._totals.held_bytes += held_bytes

    def _count_out(self, waiter: WaiterT) -> None:
        held_bytes = waiter.claim.held_bytes
        self._length -= 1
        self._held_bytes -= held_bytes
        self._totals.requests -= 1
        self._totals.held_bytes -= held_bytes
