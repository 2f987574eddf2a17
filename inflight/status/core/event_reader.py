"""Server-sent events out of lines (HTML Living Standard, 9.2.6)."""

from typing import NamedTuple


class Message(NamedTuple):
    """One event."""

    event: str
    data: str
    id: str
    """The last id that was given, by this event or an earlier one."""


class EventReader:
    """Puts events together."""

    __slots__ = ("_data", "_event", "_id")

    def __init__(self) -> None:
        self._event = ""
        self._data: list[str] = []
        self._id = ""

    def __repr__(self) -> str:
        return f"<EventReader in {self._event or 'no event'}, last id {self._id or 'none'}>"

    def read(self, line: str) -> Message | None:
        """Take one line without its end; return the event that an empty one completes."""
        if not line:
            return self._complete()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
            case "id":
                self._id = value
            case _:
                pass  # a comment, or what we have no use for
        return None

    def _complete(self) -> Message | None:
        event, data = self._event or "message", self._data
        self._event, self._data = "", []
        return Message(event, "\n".join(data), self._id) if data else None
