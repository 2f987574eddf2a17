"""The limit on what one pod may run at once, with a bounded queue before it.

First in, first out: a newcomer never takes a slot while someone waits, which Knative's semaphore
allows. Nothing here waits. `enter` says at once what becomes of a request, and `leave` returns the
ticket whose turn has come; the caller starts it. A waiter that gives up becomes a tombstone, since
removing it from the middle of a deque costs as much as the queue is long.

Example, container concurrency 1 and queue depth 2: A runs; B and C wait; D is refused. B gives up.
A leaves: C is returned, not B. Then one more may wait in front of nobody, and one behind it.
"""

from collections import deque
from enum import Enum
from typing import Generic, TypeVar

Holder = TypeVar("Holder")


class TicketState(Enum):
    """Where a ticket stands."""

    WAITING = "waiting"
    RUNNING = "running"
    GONE = "gone"


class Ticket(Generic[Holder]):
    """One request's place: in the queue, or in a slot."""

    __slots__ = ("holder", "state")

    def __init__(self, holder: Holder, state: TicketState) -> None:
        self.holder = holder
        self.state = state

    def __repr__(self) -> str:
        return f"<Ticket {self.state.value} {self.holder!r}>"


class Breaker(Generic[Holder]):
    """At most `container_concurrency` run and `queue_depth` wait; 0 concurrency means no limit.

    Not a circuit breaker: it has no open or closed state. Defaults of Knative: a depth of ten times
    the concurrency, and no breaker at all without a limit.
    """

    __slots__ = ("_queue", "_tombstones", "container_concurrency", "queue_depth", "running")

    def __init__(self, container_concurrency: int, queue_depth: int) -> None:
        self.container_concurrency = container_concurrency
        self.queue_depth = queue_depth
        self.running = 0
        self._queue: deque[Ticket[Holder]] = deque()
        self._tombstones = 0

    def __repr__(self) -> str:
        return (
            f"<Breaker {self.running}/{self.container_concurrency or 'unlimited'} running, "
            f"{self.waiting}/{self.queue_depth} waiting>"
        )

    @property
    def waiting(self) -> int:
        """How many wait and have not given up."""
        return len(self._queue) - self._tombstones

    def enter(self, holder: Holder, *, may_wait: bool = True) -> Ticket[Holder] | None:
        """Return a ticket that runs or waits; None when there is no place for it.

        Args:
            holder: what the ticket stands for; handed back when its turn comes.
            may_wait: False: a slot at once or nothing.
        """
        if self._has_room() and len(self._queue) == self._tombstones:  # nobody waits
            self.running += 1
            return Ticket(holder, TicketState.RUNNING)
        if not may_wait or self.waiting >= self.queue_depth:
            return None
        ticket = Ticket(holder, TicketState.WAITING)
        self._queue.append(ticket)
        return ticket

    def leave(self, ticket: Ticket[Holder]) -> Ticket[Holder] | None:
        """End a ticket, whether it ran or waited; return one that now runs, if any.

        Leaving twice has no effect, so that whoever ends a request first frees its slot.
        """
        left, ticket.state = ticket.state, TicketState.GONE
        if left is TicketState.RUNNING:
            self.running -= 1
        elif left is TicketState.WAITING:
            self._tombstones += 1
            self._sweep()
        return self.next_granted() if self._queue else None

    def resize(self, container_concurrency: int, queue_depth: int) -> None:
        """Change the limits. After growth call `next_granted` until it returns None.

        Those above a smaller limit run to their end, and those who wait go on waiting.
        """
        self.container_concurrency = container_concurrency
        self.queue_depth = queue_depth

    def longest_waiting(self) -> Ticket[Holder] | None:
        """Return the ticket that waits longest, and leave it there; None: nobody waits."""
        queue = self._queue
        while queue and queue[0].state is not TicketState.WAITING:
            queue.popleft()
            self._tombstones -= 1
        return queue[0] if queue else None

    def next_granted(self) -> Ticket[Holder] | None:
        """Give a free slot to whoever waits longest; None: no slot, or nobody waits."""
        while self._queue and (self._has_room()):
            ticket = self._queue.popleft()
            if ticket.state is TicketState.WAITING:
                ticket.state = TicketState.RUNNING
                self.running += 1
                return ticket
            self._tombstones -= 1
        return None

    def _has_room(self) -> bool:
        limit = self.container_concurrency
        return limit == 0 or self.running < limit

    def _sweep(self) -> None:
        # Keeps the deque at most twice as long as the queue, at constant cost for each leaver.
        if self._tombstones > self.queue_depth:
            self._queue = deque(t for t in self._queue if t.state is TicketState.WAITING)
            self._tombstones = 0
