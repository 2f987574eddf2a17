"""Both ends of the streaming case: an upstream that sends events, and clients that receive them.

Both run in the process of the benchmark, so that an event's lateness is the difference of two
readings of one clock. It holds the work of both ends, too, which is the same for all proxies.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, cast

from loadtest.bench.connection import HOST
from loadtest.bench.core.event_reader import EventReader, event
from loadtest.bench.core.seen import Seen, percentile
from servingkit.clock import monotonic

EVENTS_PATH: Final = "/events"
EVENTS_PER_SECOND: Final = 50

_REQUEST: Final = b"GET %b HTTP/1.1\r\nHost: bench\r\n\r\n" % EVENTS_PATH.encode()
_PLAIN_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
# The third field tells nginx to pass the events on as they come.
_EVENTS_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Accel-Buffering: no\r\n"
    b"Cache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n"
)


class EventSource(asyncio.Protocol):
    """The upstream's side of a connection: events for ever at `/events`, `ok` elsewhere."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # uvloop does not register its transports as asyncio's
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer a request; the benchmark's come in one piece."""
        if self._transport is None or self._timer is not None:
            return
        if not data.startswith(b"GET " + EVENTS_PATH.encode()):
            self._transport.write(_PLAIN_ANSWER)
            return
        self._transport.write(_EVENTS_HEAD)
        self._due_at = self._loop.time()
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        """Stop sending."""
        del error
        if self._timer is not None:
            self._timer.cancel()

    def _send(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(event(monotonic()))
        self._due_at += 1 / EVENTS_PER_SECOND
        self._timer = self._loop.call_at(self._due_at, self._send)


class _Lateness:
    """What all clients of a run have seen."""

    def __init__(self, connections: int, settled_at: float) -> None:
        self.silent_connections = connections
        self.events = 0
        self.late_s: list[float] = []
        self._settled_at = settled_at

    def add(self, sent_at: float, now: float) -> None:
        """Count one event; its lateness only when it was sent after the rush of the start."""
        self.events += 1
        if sent_at > self._settled_at:
            self.late_s.append(now - sent_at)


class _EventClient(asyncio.Protocol):
    """One client: asks, then reads."""

    def __init__(self, seen: _Lateness) -> None:
        self._seen = seen
        self._reader = EventReader()
        self._silent = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for events."""
        cast("asyncio.Transport", transport).write(_REQUEST)

    def data_received(self, data: bytes) -> None:
        """Look when the events were sent."""
        now = monotonic()
        for sent_at in self._reader.feed(data):
            if self._silent:
                self._silent = False
                self._seen.silent_connections -= 1
            self._seen.add(sent_at, now)


@asynccontextmanager
async def event_source() -> AsyncIterator[int]:
    """Run the upstream during the block, which gets its port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(EventSource, HOST, 0, backlog=1024)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def receive_events(port: int, connections: int, seconds: float) -> Seen:
    """Hold so many streams of events open for so long; lateness in milliseconds.

    Lateness is taken in the second half. A connection that brings no event counts as failed.
    """
    loop = asyncio.get_running_loop()
    began_at = monotonic()
    seen = _Lateness(connections, settled_at=began_at + seconds / 2)
    transports: list[asyncio.BaseTransport] = []
    try:
        for _ in range(connections):
            connected = await loop.create_connection(lambda: _EventClient(seen), HOST, port)
            transports.append(connected[0])
        await asyncio.sleep(seconds - (monotonic() - began_at))
    finally:
        for transport in transports:
            transport.close()
    late_s = sorted(seen.late_s)
    return Seen(
        units=seen.events,
        duration_s=monotonic() - began_at,
        p50_ms=percentile(late_s, 0.5) * 1000,
        p99_ms=percentile(late_s, 0.99) * 1000,
        failed=seen.silent_connections,
    )
