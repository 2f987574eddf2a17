"""Clients: one request each on a connection of its own, or one after the other on the same."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

from loadtest.bench.connection import HOST
from loadtest.bench_activator.core.figure import Answer
from servingkit.clock import monotonic

_BODY: Final = b'{"instances":[[5.1,3.5,1.4,0.2],[6.7,3.0,5.2,2.3]],"id":"0"}'
_CONNECTS_AT_ONCE: Final = 500
_SEED: Final = 1_618


class Connection(asyncio.Protocol):
    """One client; calls back with each answer."""

    def __init__(
        self, headers: Mapping[str, str], on_answer: "Callable[[Connection], None]"
    ) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST / HTTP/1.1\r\nHost: bench\r\n{lines}Content-Length: {len(_BODY)}\r\n\r\n"
        self.answers: list[Answer] = []
        self._request = head.encode() + _BODY
        self._on_answer = on_answer
        self._asked_at: float | None = None
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods
        self.ask()

    def ask(self) -> None:
        """Send a request."""
        self._asked_at = monotonic()
        self._transport.write(self._request)

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Take the answer when it is whole."""
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if len(body) >= int(length or 0):
            self._received = b""
            self._take(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Count what was not answered."""
        del exc
        if self._asked_at is not None:
            self._take(0)

    def _take(self, status: int) -> None:
        asked_at, self._asked_at = self._asked_at, None
        if asked_at is not None:
            self.answers.append(Answer(status, monotonic() - asked_at))
            self._on_answer(self)


class Crowd:
    """Many clients, each with one request on a connection of its own."""

    def __init__(self, port: int, count: int) -> None:
        self.answers: list[Answer] = []
        self._port = port
        self._count = count
        self._all_answered = asyncio.Event()

    async def connect(self, at_once: int = _CONNECTS_AT_ONCE) -> None:
        """Open all connections and send all requests, `at_once` connects at a time."""
        loop = asyncio.get_running_loop()
        for start in range(0, self._count, at_once):
            batch = min(at_once, self._count - start)
            await asyncio.gather(
                *(
                    loop.create_connection(lambda: Connection({}, self._answered), HOST, self._port)
                    for _ in range(batch)
                )
            )

    async def all_answered(self, within_s: float) -> None:
        """Wait for all answers. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            await self._all_answered.wait()

    def _answered(self, connection: Connection) -> None:
        self.answers.append(connection.answers[-1])
        connection.close()
        if len(self.answers) == self._count:
            self._all_answered.set()


async def one_by_one(port: int, count: int, at_once: int) -> Sequence[Answer]:
    """Send `count` requests, each on a connection of its own, at most `at_once` under way."""
    loop = asyncio.get_running_loop()
    answers: list[Answer] = []
    left = iter(range(count))

    async def ask_once() -> None:
        answered = asyncio.Event()

        def take(connection: Connection) -> None:
            answers.append(connection.answers[-1])
            connection.close()
            answered.set()

        await loop.create_connection(lambda: Connection({}, take), HOST, port)
        await answered.wait()

    async def worker() -> None:
        for _ in left:
            await ask_once()

    async with asyncio.TaskGroup() as workers:
        for _ in range(at_once):
            workers.create_task(worker())
    return answers


async def closed_loop(
    port: int, connections: int, seconds: float, headers: Mapping[str, str] | None = None
) -> Sequence[Answer]:
    """Have each of so many connections ask again as soon as it is answered."""
    loop = asyncio.get_running_loop()
    until = monotonic() + seconds

    def ask_again(connection: Connection) -> None:
        if connection.answers[-1].status and monotonic() < until:
            connection.ask()
        else:
            connection.close()

    clients = []
    for _ in range(connections):
        _, client = await loop.create_connection(
            lambda: Connection(headers or {}, ask_again), HOST, port
        )
        clients.append(client)
    await asyncio.sleep(until - monotonic())
    answers = [answer for client in clients for answer in client.answers]
    for client in clients:
        client.close()
    return answers


async def open_loop(
    port: int, per_second: float, seconds: float, headers: Mapping[str, str]
) -> Sequence[Answer]:
    """Send requests at random moments (Poisson), however long the answers take."""
    loop = asyncio.get_running_loop()
    lots = random.Random(_SEED)  # noqa: S311 -- no secret, the same in each run
    answers: list[Answer] = []
    asked = 0
    all_answered = asyncio.Event()

    def take(connection: Connection) -> None:
        answers.append(connection.answers[-1])
        connection.close()
        if len(answers) == asked:
            all_answered.set()

    due_at = monotonic()
    until = due_at + seconds
    while due_at < until:
        await asyncio.sleep(max(0.0, due_at - monotonic()))
        asked += 1
        all_answered.clear()
        await loop.create_connection(lambda: Connection(headers, take), HOST, port)
        due_at += lots.expovariate(per_second)
    await all_answered.wait()
    return answers
