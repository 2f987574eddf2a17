"""Peers of the engine in tests: clients and upstreams on real sockets, with h11 as the judge."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from typing import NamedTuple

import h11

from servingkit.core.revision import Address
from servingkit.http1.core.message import AnswerHead
from servingkit.http1.downstream import ServerLimits, Service
from servingkit.http1.engine import Engine, Listener
from servingkit.http1.exchange import Exchange
from servingkit.http1.watcher import AttemptFailure
from tests.polling import PATIENCE_S

HOST = "127.0.0.1"
_TEST_PATIENCE_S = 4 * PATIENCE_S
"""A whole test may wait for several things."""


class Asked(NamedTuple):
    """A request as an upstream got it."""

    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: bytes) -> bytes | None:
        return dict(self.headers).get(name)


class Answered(NamedTuple):
    """An answer as a client got it."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    informational: list[int]
    trailers: list[tuple[bytes, bytes]]
    version: bytes

    def header(self, name: bytes) -> bytes | None:
        return dict(self.headers).get(name)


class Wire:
    """One end of a connection: sends bytes as told, and lets h11 read what comes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._left = b""

    async def send(self, data: bytes) -> None:
        """Write, and wait while the other side is slow. Raises ConnectionError when it is gone."""
        if self.writer.is_closing():
            raise ConnectionResetError  # uvloop has a RuntimeError for what is closed altogether
        self.writer.write(data)
        await self.writer.drain()

    async def request(self) -> Asked:
        judge = h11.Connection(h11.SERVER)
        head = await self._event(judge)
        assert isinstance(head, h11.Request), head
        body, _ = await self._body(judge)
        return Asked(head.method, head.target, list(head.headers), body)

    async def answer(self, to: str = "GET") -> Answered:
        judge = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
        judge.send(h11.Request(method=to, target="/", headers=[("Host", "-")]))
        judge.send(h11.EndOfMessage())
        informational = []
        head = await self._event(judge)
        while isinstance(head, h11.InformationalResponse):
            informational.append(head.status_code)
            head = await self._event(judge)
        assert isinstance(head, h11.Response), head
        body, trailers = await self._body(judge)
        headers = list(head.headers)
        return Answered(head.status_code, headers, body, informational, trailers, head.http_version)

    async def until(self, marker: bytes) -> bytes:
        """Return what comes up to and with `marker`."""
        while marker not in self._left:
            data = await self.reader.read(65_536)
            assert data, f"ended after {self._left!r}"
            self._left += data
        found, _, self._left = self._left.partition(marker)
        return found + marker

    def put_back(self, data: bytes) -> None:
        """Have what was read be read again."""
        self._left = data + self._left

    async def rest(self) -> bytes:
        """Return all that comes before a clean end. Raises ConnectionResetError otherwise."""
        rest, self._left = self._left, b""
        return rest + await self.reader.read()

    def close(self) -> None:
        self.writer.close()

    async def abandon(self) -> None:
        """Close for good, whatever waits to be written."""
        self.writer.transport.abort()
        with suppress(ConnectionError):
            await self.writer.wait_closed()

    def reset(self) -> None:
        if self.writer.transport.is_closing():
            return
        linger = struct.pack("ii", 1, 0)
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()

    async def _event(self, judge: h11.Connection) -> object:
        while True:
            if self._left:
                judge.receive_data(self._left)
                self._left = b""
            event = judge.next_event()
            if isinstance(event, h11.ConnectionClosed):
                raise ConnectionAbortedError
            if event is not h11.NEED_DATA:
                return event
            judge.receive_data(await self.reader.read(65_536))

    async def _body(self, judge: h11.Connection) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        body = bytearray()
        while True:
            event = await self._event(judge)
            if isinstance(event, h11.EndOfMessage):
                self._left = judge.trailing_data[0]
                return bytes(body), list(event.headers)
            assert isinstance(event, h11.Data), event
            body += event.data


def cut(raw: bytes, places: Sequence[int]) -> list[bytes]:
    """Return the pieces of `raw` between these places."""
    edges = sorted({0, len(raw), *(place % (len(raw) + 1) for place in places)})
    return [raw[start:end] for start, end in pairwise(edges)]


async def connect(port: int) -> Wire:
    """Connect to a listener."""
    return Wire(*await asyncio.open_connection(HOST, port))


class Upstream:
    """A server that does on each connection what the test says."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.wires: list[Wire] = []
        self.over = 0
        """Connections that the test's script has left, most often since the engine closed them."""


@asynccontextmanager
async def upstream(script: Callable[[Wire], Awaitable[None]]) -> AsyncIterator[Upstream]:
    """Serve `script` on a port of its own; a connection error ends a script quietly."""
    async with asyncio.TaskGroup() as tasks:
        running: list[asyncio.Task[None]] = []

        async def follow(wire: Wire) -> None:
            try:
                await script(wire)
            except (ConnectionError, h11.RemoteProtocolError):
                pass
            finally:
                found.over += 1
                await wire.abandon()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if not server.is_serving():
                writer.transport.abort()  # it came while the test ended
                return
            found.wires.append(wire := Wire(reader, writer))
            running.append(tasks.create_task(follow(wire)))

        server = await asyncio.start_server(accept, HOST, 0)
        found = Upstream(Address(HOST, server.sockets[0].getsockname()[1]))
        try:
            yield found
        finally:
            server.close()
            for task in running:
                task.cancel()
            for wire in found.wires:  # also of a task that is cancelled before it begins
                wire.writer.transport.abort()


class Recorder:
    """A watcher that notes what it is told, and answers failures with a status."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.events: list[str] = []
        exchange.watcher = self

    def answer_started(self, head: AnswerHead) -> bool:
        self.events.append(f"answer_started {head.status}")
        return True

    def attempt_failed(self, failure: AttemptFailure) -> None:
        again = " retryable" if failure.retryable else ""
        self.events.append(f"attempt_failed {failure.kind.value}{again}")
        self.exchange.answer(502, (), b"bad gateway\n")

    def upstream_done(self) -> None:
        self.events.append("upstream_done")

    def timed_out(self) -> None:
        self.events.append("timed_out")
        self.exchange.answer(504, (), b"too late\n")

    def ended(self) -> None:
        outcome = self.exchange.outcome
        self.events.append(f"ended {outcome.value if outcome else ''} {self.exchange.status}")


class Proxy:
    """A service that forwards everything to one address."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.seen: list[Recorder] = []

    def __call__(self, exchange: Exchange) -> None:
        self.seen.append(Recorder(exchange))
        exchange.forward(self.address)

    @property
    def events(self) -> list[str]:
        """All that was told of the last exchange."""
        return self.seen[-1].events


class Site:
    """A listener with the engine that it belongs to, and its clients."""

    def __init__(self, engine: Engine, listener: Listener) -> None:
        self.engine = engine
        self.listener = listener
        self.clients: list[Wire] = []

    async def client(self) -> Wire:
        self.clients.append(wire := await connect(self.listener.port))
        return wire


@asynccontextmanager
async def site(service: Service, limits: ServerLimits | None = None) -> AsyncIterator[Site]:
    """Listen with an engine of its own; what hangs fails after a while."""
    async with asyncio.timeout(_TEST_PATIENCE_S), Engine() as engine:
        place = Site(engine, await engine.listen(service, HOST, 0, limits))
        try:
            yield place
        finally:
            for client in place.clients:
                await client.abandon()
