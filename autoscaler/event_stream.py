"""`GET /v1/events`: what happens to revisions, as server-sent events.

Two kinds of message. `event`: one entry of the journal; its id is PROCESS-NUMBER, and a client
that sends it back as `Last-Event-ID` gets what came after it, or first a message `gap` that says
how many are no longer kept. `statuses`: how the revisions stand, each second, for those who ask.

A reader has a position in the journal and no queue. One that takes nothing for ten seconds is
dropped, and may come again with its last id.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, Self

import msgspec
from aiohttp import web

from autoscaler.core.event_ring import Event, News
from autoscaler.journal import Journal
from autoscaler.status import RevisionStatus
from servingkit.clock import monotonic
from servingkit.config import ConfigError, Problem
from servingkit.core.revision import RevisionId
from servingkit.core.whole_number import whole_number

_log = logging.getLogger(__name__)

MOST_READERS: Final = 100
MOST_STATUSES: Final = 200
"""So many revisions a second, the first by name; a reader narrows them down with `match`."""

_STATUSES_PERIOD_S: Final = 1.0
_HEARTBEAT_S: Final = 10.0
_SLOW_AFTER_S: Final = 10.0
_RETRY: Final = b"retry: 2000\n\n"
_MOST_EVENTS: Final = 10**18
"""Of an event's number; Python refuses to read those of thousands of digits."""

_HEARTBEAT: Final = b": still here\n\n"
_HEADERS: Final = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}

MatchingStatuses = Callable[[str, int], tuple[Sequence[RevisionStatus], int]]
"""Given a part of the names and a limit: the first statuses by name, and how many match in all."""


class Following(NamedTuple):
    """What a reader wants."""

    revision: RevisionId | None
    """Whose events and status. None: everyone's."""

    statuses: bool
    match: str

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Self:
        """Read the query of a request; raises ConfigError."""
        problems: list[Problem] = []
        namespace, _, name = query.get("revision", "").partition("/")
        if bool(namespace) != bool(name):
            problems.append(Problem("revision", query["revision"], "NAMESPACE/NAME"))
        wanted = query.get("statuses", "false")
        if wanted not in {"true", "false"}:
            problems.append(Problem("statuses", wanted, "true or false"))
        if problems:
            raise ConfigError(problems)
        revision = RevisionId(namespace, name) if name else None
        return cls(revision, wanted == "true", query.get("match", ""))


class EventStream:
    """Serves readers of the journal until it is closed."""

    def __init__(
        self,
        journal: Journal,
        statuses: MatchingStatuses,
        *,
        most_readers: int = MOST_READERS,
        slow_after_s: float = _SLOW_AFTER_S,
        heartbeat_s: float = _HEARTBEAT_S,
    ) -> None:
        self._journal = journal
        self._statuses = statuses
        self._most_readers = most_readers
        self._slow_after_s = slow_after_s
        self._heartbeat_s = heartbeat_s
        self.readers = 0
        """How many read now."""

    def __repr__(self) -> str:
        return f"<EventStream {self.readers} readers of {self._journal!r}>"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer with a stream that ends when the reader leaves, is too slow, or we shut down."""
        try:
            following = Following.from_query(request.query)
        except ConfigError as error:
            return web.json_response({"error": str(error)}, status=400)
        if self.readers >= self._most_readers:
            return web.json_response(
                {"error": f"{self.readers} readers are connected, and that is the limit"},
                status=503,
                headers={"Retry-After": "10"},
            )
        response = web.StreamResponse(headers=_HEADERS)
        self.readers += 1
        try:
            await self._serve(request, response, following)
        except ConnectionError:
            pass  # the reader left
        except TimeoutError:
            _log.warning("event reader dropped", extra={"peer": request.remote})
            if request.transport is not None:
                request.transport.abort()
        finally:
            self.readers -= 1
        return response

    async def _serve(
        self, request: web.Request, response: web.StreamResponse, following: Following
    ) -> None:
        journal = self._journal
        await response.prepare(request)
        number, gap = self._position(request.headers.get("Last-Event-ID", ""))
        out = _RETRY + gap
        written_at = statuses_at = monotonic()
        while not journal.closed:
            news = journal.after(number)
            number += news.missed + len(news.events)
            out += self._news(news, following)
            now = monotonic()
            if following.statuses and now >= statuses_at:
                out += self._statuses_message(following)
                statuses_at = now + _STATUSES_PERIOD_S
            elif now >= written_at + self._heartbeat_s:
                out += _HEARTBEAT
            if out:
                async with asyncio.timeout(self._slow_after_s):
                    await response.write(out)
                out, written_at = b"", monotonic()
            due_at = statuses_at if following.statuses else written_at + self._heartbeat_s
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, due_at - monotonic())):
                    await journal.wait_after(number)

    def _position(self, last_id: str) -> tuple[int, bytes]:
        """Return after which event to begin, and what to tell first."""
        journal = self._journal
        if not last_id:
            return journal.last_number, b""
        process, _, number = last_id.partition("-")
        event = whole_number(number, _MOST_EVENTS)
        if process == journal.process and event is not None:
            return min(event, journal.last_number), b""
        # Another process's: whatever it told last, all that is known here came after it.
        return 0, _message(b"gap", {"missed": None})

    def _news(self, news: News, following: Following) -> bytes:
        gap = _message(b"gap", {"missed": news.missed}) if news.missed else b""
        return gap + b"".join(
            self._event(event)
            for event in news.events
            if following.revision in {None, event.revision}
        )

    def _event(self, event: Event) -> bytes:
        data = {
            "at_s": event.at_s,
            "name": event.name,
            "namespace": event.revision.namespace,
            "revision": event.revision.name,
            "reason": event.reason,
            "facts": event.facts,
        }
        return b"id: %b-%d\n" % (self._journal.process.encode(), event.number) + _message(
            b"event", data
        )

    def _statuses_message(self, following: Following) -> bytes:
        if following.revision is None:
            statuses, total = self._statuses(following.match, MOST_STATUSES)
        else:
            similar, _ = self._statuses(str(following.revision), MOST_STATUSES)
            wanted = following.revision
            statuses = [one for one in similar if (one.namespace, one.name) == wanted]
            total = len(statuses)
        return _message(b"statuses", {"total": total, "revisions": statuses})


def _message(name: bytes, data: object) -> bytes:
    # JSON has no line breaks in it, so one data line holds it.
    return b"event: %b\ndata: %b\n\n" % (name, msgspec.json.encode(data))
