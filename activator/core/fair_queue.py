"""Requests of one priority that wait for a pod, shared fairly between tenants.

Each request gets a *tag* when it begins to wait: 1 / weight after its tenant's last one, but after
the queue's virtual time at least, which is the highest tag that was taken so far. The lowest tag
goes first, then the earliest arrival (Golestani, "A self-clocked fair queueing scheme", 1994). So
tenants that wait have turns by their weights, a tenant that was away has not saved any up, one that
is new does not come before the next turn of those who wait, and a single tenant's requests go in
the order of arrival.

A request that was sent to a pod and refused there has had its turn: it goes before all that have
not, and of several whoever came first, however often it was turned away. A waiter that gives up
becomes a tombstone, since taking it out of the middle would cost as much as the queue is long.

Example, weights A = 2 and B = 1: A sends four requests, with the tags 0.5, 1, 1.5 and 2, then B
sends two, with the tags 1 and 2. The order is A1, A2, B1, A3, A4, B2.
"""

import heapq
from typing import Final, Generic, Protocol, TypeVar

from activator.core.claim import Claim


class Waiter(Protocol):
    """Something that waits.

    `arrival` and `waiting` belong to the queue; start them at 0 and False.
    """

    arrival: int
    waiting: bool

    @property
    def claim(self) -> Claim:
        """What it claims; the same whenever it is asked."""
        ...


WaiterT = TypeVar("WaiterT", bound=Waiter)


_HAD_ITS_TURN: Final = 0.0
"""The tag of a request that came back, before those of all others."""


class _Tenant:
    __slots__ = ("last_tag", "waiting")

    def __init__(self) -> None:
        self.last_tag = 0.0
        self.waiting = 0


class FairQueue(Generic[WaiterT]):
    """Takes turns between tenants; first in, first out for each of them."""

    __slots__ = ("_heap", "_length", "_tenants", "_virtual_time")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, WaiterT]] = []
        self._length = 0
        self._virtual_time = 0.0
        self._tenants: dict[bytes, _Tenant] = {}
        """Those who wait. Of others nothing has to be known: their last tag is past."""

    def __repr__(self) -> str:
        return f"<FairQueue {self._length} waiting, {len(self._tenants)} tenants>"

    def __len__(self) -> int:
        return self._length

    def waiting_of(self, tenant: bytes) -> int:
        """Return how many requests of one tenant wait."""
        known = self._tenants.get(tenant)
        return known.waiting if known is not None else 0

    def join(self, waiter: WaiterT) -> None:
        """Let a newcomer wait in its turn."""
        claim = waiter.claim
        tenant = self._tenant(claim.tenant)
        tenant.last_tag = max(self._virtual_time, tenant.last_tag) + 1.0 / claim.weight
        self._push(waiter, tenant, tenant.last_tag)

    def rejoin(self, waiter: WaiterT) -> None:
        """Let one that was taken, or never had to wait, wait before all that came later."""
        self._push(waiter, self._tenant(waiter.claim.tenant), _HAD_ITS_TURN)

    def first(self) -> WaiterT | None:
        """Return whose turn it is, and leave it there."""
        heap = self._heap
        while heap and not heap[0][2].waiting:
            heapq.heappop(heap)
        return heap[0][2] if heap else None

    def take(self) -> WaiterT | None:
        """Take out whose turn it is."""
        waiter = self.first()
        if waiter is not None:
            tag, _, _ = heapq.heappop(self._heap)
            self._virtual_time = max(self._virtual_time, tag)
            self._remove(waiter)
        return waiter

    def leave(self, waiter: WaiterT) -> None:
        """Let a waiter give up."""
        self._remove(waiter)
        # Keeps the heap within twice the waiters, at a constant cost for each that gives up.
        if len(self._heap) > 2 * self._length + 64:
            self._heap = [entry for entry in self._heap if entry[2].waiting]
            heapq.heapify(self._heap)

    def _tenant(self, name: bytes) -> _Tenant:
        tenant = self._tenants.get(name)
        if tenant is None:
            tenant = self._tenants[name] = _Tenant()
        return tenant

    def _push(self, waiter: WaiterT, tenant: _Tenant, tag: float) -> None:
        waiter.waiting = True
        tenant.waiting += 1
        self._length += 1
        heapq.heappush(self._heap, (tag, waiter.arrival, waiter))

    def _remove(self, waiter: WaiterT) -> None:
        waiter.waiting = False
        self._length -= 1
        name = waiter.claim.tenant
        tenant = self._tenants[name]
        tenant.waiting -= 1
        if not tenant.waiting:
            del self._tenants[name]
