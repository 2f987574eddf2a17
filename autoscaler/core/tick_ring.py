"""When each revision has its tick, so that the ticks of many are spread over the two seconds.

The tick is divided into 256 slots of 8 ms. A revision has its place in one slot, the emptiest one
when it came, and its tick each time the slot comes round; 10,000 revisions make 40 a slot. After a
stall no slot is skipped and none comes twice.
"""

from collections.abc import Hashable, Iterator
from typing import Final, Generic, TypeVar

from autoscaler.core.decider import TICK_S

_SLOTS: Final = 256
SLOT_S: Final = TICK_S / _SLOTS
"""A power of two, so that slot numbers times this are exact."""

Key = TypeVar("Key", bound=Hashable)


class TickRing(Generic[Key]):
    """A ring of slots with the revisions that have their ticks in each."""

    __slots__ = ("_next", "_slot_of", "_slots")

    def __init__(self, now: float) -> None:
        self._slots: list[dict[Key, None]] = [{} for _ in range(_SLOTS)]
        self._slot_of: dict[Key, dict[Key, None]] = {}
        self._next = _slot_number(now) + 1

    def __repr__(self) -> str:
        return f"<TickRing of {len(self._slot_of)}>"

    def add(self, key: Key) -> None:
        """Give `key` a place; its first tick comes within a round."""
        slot = self._slot_of[key] = min(self._slots, key=len)
        slot[key] = None

    def remove(self, key: Key) -> None:
        """Take `key` out, which must be in."""
        del self._slot_of.pop(key)[key]

    def due(self, now: float) -> Iterator[Key]:
        """Return whose ticks have become due by `now` since the last call, in their order.

        At most one round, however long ago that was. What is added or removed while the result is
        read may or may not be in it.
        """
        last = _slot_number(now)
        first = max(self._next, last - _SLOTS + 1)
        self._next = max(self._next, last + 1)
        for number in range(first, last + 1):
            yield from tuple(self._slots[number % _SLOTS])

    def next_at(self) -> float:
        """Return when the next slot becomes due."""
        return self._next * SLOT_S


def _slot_number(now: float) -> int:
    return int(now / SLOT_S)
