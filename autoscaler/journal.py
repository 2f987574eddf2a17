"""What happened to revisions: written to the log, and kept a while for those who follow.

Readers wait here and read from the ring at their own pace; nothing is queued for any of them.
"""

import asyncio
import logging
import secrets

from autoscaler.core.event_ring import Event, EventRing, Fact, News
from servingkit.clock import wall_clock
from servingkit.core.revision import RevisionId

_log = logging.getLogger(__name__)

MOST_EVENTS = 2000
"""About 1 MiB."""


class Journal:
    """Notes events; lets others wait for the next one."""

    def __init__(self, most_events: int = MOST_EVENTS) -> None:
        self.process = secrets.token_hex(4)
        """Tells this process's event numbers from those of an earlier one."""

        self.closed = False
        self._ring = EventRing(most_events)
        self._changed = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Journal {self._ring!r}>"

    @property
    def last_number(self) -> int:
        """The number of the latest event; 0: none yet."""
        return self._ring.last_number

    def note(
        self,
        name: str,
        revision: RevisionId,
        reason: str,
        *,
        level: int = logging.INFO,
        **facts: Fact,
    ) -> None:
        """Write an event to the log, and keep it; `name` is fixed words, the rest goes in facts."""
        _log.log(level, name, extra={"revision": str(revision), "reason": reason, **facts})
        number = self._ring.last_number + 1
        event = Event(
            number=number,
            at_s=wall_clock(),
            name=name,
            revision=revision,
            reason=reason,
            facts=facts,
        )
        self._ring.append(event)
        self._wake()

    def after(self, number: int) -> News:
        """Return what came after event `number`."""
        return self._ring.after(number)

    async def wait_after(self, number: int) -> None:
        """Return when there is an event after `number`, or no more will be read."""
        while self._ring.last_number <= number and not self.closed:
            await self._changed.wait()

    def close(self) -> None:
        """End the waiting of all readers."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
