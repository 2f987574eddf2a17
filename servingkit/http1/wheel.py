"""One shared timer for all time-outs of a process.

A request that is admitted at once must not cost a timer of its own (1 to 1.5 us to set and clear),
and most deadlines are moved long before they are due. So a deadline is an attribute; the wheel
looks at an entry only when the 100 ms slot comes up in which it was last entered, and enters it
again if the deadline has moved on. Moving a deadline later costs one attribute store.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from servingkit.clock import monotonic

_log = logging.getLogger(__name__)

TICK_S = 0.1
NEVER = float("inf")


class Deadline(Protocol):
    """An object with a deadline. `wheel_slot` belongs to the wheel; start it at -1."""

    deadline_at: float
    wheel_slot: int

    def on_deadline(self, now: float) -> None:
        """Act on the deadline, which is past. It is set to NEVER before; set it anew if need be."""
        ...


class Wheel:
    """Calls `on_deadline` of its entries within a tick after their deadlines."""

    def __init__(self) -> None:
        self.now = monotonic()
        """Time of the last tick: good enough for time-outs, cheaper than a clock call."""
        self._slots: dict[int, set[Deadline]] = {}
        self._next_slot = int(self.now / TICK_S)
        self._each_tick: list[Callable[[float], None]] = []

    def __repr__(self) -> str:
        return f"<Wheel {sum(map(len, self._slots.values()))} entries>"

    def on_tick(self, callback: Callable[[float], None]) -> None:
        """Call back at each tick, with its time, after the deadlines."""
        self._each_tick.append(callback)

    def set(self, entry: Deadline, deadline_at: float) -> None:
        """Set the deadline of `entry`; NEVER clears it."""
        entry.deadline_at = deadline_at
        if deadline_at != NEVER:
            self._enter(entry, deadline_at)

    def remove(self, entry: Deadline) -> None:
        """Forget `entry`, which is gone: the wheel would keep it alive until its slot comes."""
        entry.deadline_at = NEVER
        self._slots.get(entry.wheel_slot, set()).discard(entry)
        entry.wheel_slot = -1

    def tick(self, now: float) -> None:
        """Act on all that was due by `now`."""
        self.now = now
        last = int(now / TICK_S)
        while self._next_slot <= last:
            slot = self._next_slot
            self._next_slot += 1
            for entry in self._slots.pop(slot, ()):
                if entry.wheel_slot == slot:  # else another entry's deadline has removed it
                    entry.wheel_slot = -1
                    self._look_at(entry, now)
        for callback in self._each_tick:
            try:
                callback(now)
            except Exception:  # noqa: BLE001 -- one callback's bug must not stop everyone's clock
                _log.exception("tick handling failed", extra={"callback": repr(callback)})

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            await asyncio.sleep(TICK_S)
            self.tick(monotonic())

    def _look_at(self, entry: Deadline, now: float) -> None:
        deadline_at = entry.deadline_at
        if deadline_at <= now:
            entry.deadline_at = NEVER
            try:
                entry.on_deadline(now)
            except Exception:  # noqa: BLE001 -- one entry's bug must not stop everyone's clock
                _log.exception("deadline handling failed", extra={"entry": repr(entry)})
        elif deadline_at != NEVER:
            self._enter(entry, deadline_at)

    def _enter(self, entry: Deadline, deadline_at: float) -> None:
        slot = int(deadline_at / TICK_S) + 1  # rounded up: a deadline is past when its slot comes
        if entry.wheel_slot != -1:
            if slot >= entry.wheel_slot:
                return  # it is looked at before then
            self._slots.get(entry.wheel_slot, set()).discard(entry)
        slot = max(slot, self._next_slot)
        entry.wheel_slot = slot
        self._slots.setdefault(slot, set()).add(entry)
