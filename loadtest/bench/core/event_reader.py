"""Server-sent events that carry the instant at which they were written.

The reader looks for events in the raw bytes of a chunked answer and skips whatever stands between
them: a proxy may put several events into one chunk.
"""

import re
from typing import Final

_EVENT: Final = re.compile(rb"data: (\d+\.\d{6})\n\n")
_LONGEST_EVENT_BYTES: Final = 64


def event(sent_at: float) -> bytes:
    """Return an event that was sent at this instant, as one HTTP chunk."""
    data = b"data: %.6f\n\n" % sent_at
    return b"%x\r\n%b\r\n" % (len(data), data)


class EventReader:
    """Finds the events of one connection in its bytes, however they are cut."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def __repr__(self) -> str:
        return f"<EventReader rest={self._rest!r}>"

    def feed(self, data: bytes) -> list[float]:
        """Return the instants of the events that are complete now."""
        data = self._rest + data
        instants, end = [], 0
        for match in _EVENT.finditer(data):
            instants.append(float(match[1]))
            end = match.end()
        self._rest = data[end:][-_LONGEST_EVENT_BYTES:]
        return instants
