import asyncio

import pytest

from servingkit.core.revision import Address
from servingkit.http1.client import FetchError, FetchFailure, HttpClient
from servingkit.http1.engine import Engine
from tests.polling import PATIENCE_S, until
from tests.ports import free_port
from tests.servingkit.http1.peers import HOST, Asked, Wire, upstream

pytestmark = pytest.mark.asyncio


class Server:
    """Answers every request alike and keeps what was asked."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") -> None:
        self.answer = answer
        self.asked: list[Asked] = []

    async def __call__(self, wire: Wire) -> None:
        while True:
            self.asked.append(await wire.request())
            await wire.send(self.answer)


async def test_fetch_sends_host_and_length_and_returns_the_whole_answer() -> None:
    server = Server(b"HTTP/1.1 201 Made\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 2\r\n\r\nok")
    async with upstream(server) as up, Engine() as engine:
        client = HttpClient(engine)
        fetched = await client.fetch(
            up.address, b"POST", b"/p", ((b"X-B", b"3"),), b"body", timeout_s=PATIENCE_S
        )
        assert fetched == (201, {b"x-a": b"1, 2", b"content-length": b"2"}, b"ok")
        (asked,) = server.asked
        assert (asked.method, asked.target, asked.body) == (b"POST", b"/p", b"body")
        assert asked.header(b"host") == str(up.address).encode()
        assert asked.header(b"x-b") == b"3"


async def test_post_without_a_body_says_so() -> None:
    server = Server()
    async with upstream(server) as up, Engine() as engine:
        await HttpClient(engine).fetch(up.address, b"POST", b"/", timeout_s=60)
        await HttpClient(engine).fetch(up.address, b"GET", b"/", timeout_s=60)
        assert [asked.header(b"content-length") for asked in server.asked] == [b"0", None]


@pytest.mark.parametrize(
    ("method", "answer", "body"),
    [
        (
            b"GET",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            b"ok",
        ),
        (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b""),
        (b"GET", b"HTTP/1.1 204 No\r\n\r\n", b""),
        (b"GET", b"HTTP/1.1 103 Hint\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok"),
    ],
    ids=["chunked", "HEAD", "204", "103"],
)
async def test_connection_is_kept_for_the_next_fetch(
    method: bytes, answer: bytes, body: bytes
) -> None:
    async with upstream(Server(answer)) as up, Engine() as engine:
        client = HttpClient(engine)
        for _ in range(3):
            assert (await client.fetch(up.address, method, b"/", timeout_s=60)).body == body
        assert len(up.wires) == 1


async def test_answer_until_close_is_whole_at_the_end() -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\n\r\nok")

    async with upstream(serve) as up, Engine() as engine:
        assert (
            await HttpClient(engine).fetch(up.address, b"GET", b"/", timeout_s=60)
        ).body == b"ok"


async def die_on_reuse(wire: Wire) -> None:
    await wire.request()
    await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    await wire.until(b"\r\n\r\n")


async def test_get_on_a_kept_connection_that_dies_is_sent_again() -> None:
    async with upstream(die_on_reuse) as up, Engine() as engine:
        client = HttpClient(engine)
        for _ in range(2):
            assert (await client.fetch(up.address, b"GET", b"/", timeout_s=60)).status == 200
        assert len(up.wires) == 2


async def test_post_on_a_kept_connection_that_dies_fails() -> None:
    async with upstream(die_on_reuse) as up, Engine() as engine:
        client = HttpClient(engine)
        await client.fetch(up.address, b"GET", b"/", timeout_s=60)
        with pytest.raises(FetchError) as caught:
            await client.fetch(up.address, b"POST", b"/", timeout_s=60)
        assert caught.value.reason is FetchFailure.CLOSED


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", FetchFailure.CLOSED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", FetchFailure.CLOSED),
        (b"nonsense\r\n\r\n", FetchFailure.MALFORMED),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n" + bytes(20_000_000),
            FetchFailure.MALFORMED,
        ),
    ],
    ids=["nothing", "truncated", "nonsense", "too large"],
)
async def test_answer_that_cannot_be_used_is_an_error(answer: bytes, reason: FetchFailure) -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        await wire.send(answer)

    async with upstream(serve) as up, Engine() as engine:
        with pytest.raises(FetchError) as caught:
            await HttpClient(engine).fetch(up.address, b"GET", b"/", timeout_s=60)
        assert caught.value.reason is reason


async def test_silence_is_a_timeout_and_closes_the_connection() -> None:
    async def serve(wire: Wire) -> None:
        await wire.rest()

    async with upstream(serve) as up, Engine() as engine:
        with pytest.raises(FetchError, match=r"within 0\.1 s") as caught:
            await HttpClient(engine).fetch(up.address, b"GET", b"/", timeout_s=0.1)
        assert caught.value.reason is FetchFailure.TIMEOUT
        await until(lambda: up.over == 1)


async def test_refused_connection_is_an_error() -> None:
    address = Address(HOST, free_port())
    async with Engine() as engine:
        with pytest.raises(FetchError, match="refused") as caught:
            await HttpClient(engine).fetch(address, b"GET", b"/", timeout_s=60)
        assert caught.value.reason is FetchFailure.CONNECT


async def test_cancelled_fetch_closes_its_connection() -> None:
    async def serve(wire: Wire) -> None:
        await wire.rest()

    async with upstream(serve) as up, Engine() as engine, asyncio.TaskGroup() as tasks:
        fetch = HttpClient(engine).fetch(up.address, b"GET", b"/", timeout_s=60)
        task = tasks.create_task(fetch)
        await until(lambda: up.wires)
        task.cancel()
        await until(lambda: up.over == 1)


async def test_fetch_that_is_cancelled_as_its_answer_comes_leaves_the_connection_to_the_next() -> (
    None
):
    server = Server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    async with upstream(server) as up, Engine() as engine, asyncio.TaskGroup() as tasks:
        loop = asyncio.get_running_loop()
        taken = [engine.pool.take(up.address)]
        assert taken == [None]
        fetch = HttpClient(engine).fetch(up.address, b"GET", b"/", timeout_s=PATIENCE_S)
        task = tasks.create_task(fetch)

        def take() -> None:
            """Run in each turn of the loop, and so before the fetch hears of its answer."""
            connection = engine.pool.take(up.address)
            if connection is None:
                loop.call_soon(take)
            else:
                taken.append(connection)
                task.cancel()

        loop.call_soon(take)
        await asyncio.wait([task])
        assert task.cancelled()
        connection = taken[-1]
        assert connection is not None
        assert connection.usable()
        engine.pool.put(connection)
