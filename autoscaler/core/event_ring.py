"""The latest events, numbered, in bounded memory.

A reader keeps the number of the last event that it has seen and asks for what came after it. One
that was away for too long is told how many it has missed.
"""

from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from servingkit.core.revision import RevisionId

Fact = str | int | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to a revision."""

    number: int
    """Counted from 1, without holes."""

    at_s: float
    """When, in seconds since 1970 (UTC)."""

    name: str
    """Fixed words, such as `panic started`; the same as in the log."""

    revision: RevisionId
    reason: str
    """The decision that it belongs to, in one sentence."""

    facts: dict[str, Fact] = field(default_factory=dict)


class News(NamedTuple):
    """What a reader has not seen."""

    missed: int
    """Events that are no longer kept."""

    events: list[Event]


class EventRing:
    """Keeps the last `size` events."""

    __slots__ = ("_events", "last_number")

    def __init__(self, size: int) -> None:
        self._events: deque[Event] = deque(maxlen=size)
        self.last_number = 0

    def __repr__(self) -> str:
        return f"<EventRing {len(self._events)} of {self.last_number} events>"

    def append(self, event: Event) -> None:
        """Keep `event`, whose number must be the one after the last."""
        self._events.append(event)
        self.last_number = event.number

    def after(self, number: int) -> News:
        """Return what came after event `number`; 0 means from the beginning."""
        unseen = max(0, self.last_number - number)
        kept = min(unseen, len(self._events))
        return News(unseen - kept, list(islice(self._events, len(self._events) - kept, None)))
