"""Clients and upstreams that leave, and attempts that are made again."""

import asyncio
import socket
from collections.abc import Callable

import pytest

from servingkit.core.revision import Address
from servingkit.http1.core.message import AnswerHead
from servingkit.http1.exchange import REPLAY_BYTES, Exchange
from servingkit.http1.watcher import AttemptFailure
from tests.polling import until
from tests.ports import free_port
from tests.servingkit.http1.peers import HOST, Proxy, Recorder, Wire, site, upstream
from tests.servingkit.http1.scripts import GET, HEAD, POST, echo, silence

pytestmark = pytest.mark.asyncio


def closed_port() -> Address:
    return Address(HOST, free_port())


# --- the client leaves ----------------------------------------------------------------------------


LEAVING = pytest.mark.parametrize("leave", [Wire.close, Wire.reset], ids=["FIN", "RST"])


@LEAVING
@pytest.mark.parametrize("body", [b"", b"x" * 100_000], ids=["read", "paused"])
async def test_client_that_leaves_while_held_ends_its_exchange(
    leave: Callable[[Wire], None], body: bytes
) -> None:
    seen: list[Recorder] = []
    async with site(lambda exchange: seen.append(Recorder(exchange))) as place:
        client = await place.client()
        await client.send(POST % (2 * len(body)) + body)
        await until(lambda: seen and bool(body) == bool(place.listener._connections.paused))
        ticks: list[float] = []
        place.engine.wheel.on_tick(ticks.append)
        leave(client)
        await until(lambda: seen[0].events)
        assert seen[0].events == ["ended client-gone 499"]
        assert len(ticks) <= 2  # so within 100 ms, but for a loop that is late


@LEAVING
async def test_client_that_leaves_while_connecting_ends_its_exchange(
    leave: Callable[[Wire], None],
) -> None:
    with socket.socket() as full:  # a full backlog lets nobody in
        full.bind((HOST, 0))
        full.listen(0)
        address = Address(*full.getsockname())
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.settimeout(0)
            filler.connect_ex(address)
        proxy = Proxy(address)
        async with site(proxy) as place:
            client = await place.client()
            await client.send(GET)
            await until(lambda: proxy.seen)
            leave(client)
            await until(lambda: len(proxy.events) == 2)
            assert proxy.events == ["upstream_done", "ended client-gone 499"]
        for filler in fillers:
            filler.close()


@LEAVING
async def test_client_that_leaves_while_waiting_closes_the_upstream(
    leave: Callable[[Wire], None],
) -> None:
    async with upstream(silence) as up, site(proxy := Proxy(up.address)) as place:
        client = await place.client()
        await client.send(GET)
        await until(lambda: up.wires)
        leave(client)
        await until(lambda: up.over)
        assert proxy.events == ["upstream_done", "ended client-gone 499"]


async def test_client_that_is_reset_while_its_upload_waits_closes_the_upstream() -> None:
    async def serve(wire: Wire) -> None:
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    async with upstream(serve) as up, site(proxy := Proxy(up.address)) as place:
        client = await place.client()
        client.writer.write(POST % 60_000_000 + b"x" * 30_000_000)
        await until(lambda: place.listener._connections.paused)
        client.reset()
        await until(lambda: proxy.events)
        assert proxy.events == ["upstream_done", "ended client-gone 499"]


@LEAVING
@pytest.mark.parametrize("flood", [False, True], ids=["trickle", "client paused"])
async def test_client_that_leaves_while_answered_closes_the_upstream(
    leave: Callable[[Wire], None], *, flood: bool
) -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        while flood:
            await wire.send(b"10000\r\n" + bytes(65_536) + b"\r\n")
        await wire.rest()

    async with upstream(serve) as up, site(proxy := Proxy(up.address)) as place:
        client = await place.client()
        await client.send(GET)
        await client.until(b"\r\n\r\n")
        if flood:
            (connection,) = place.listener._connections.open
            await until(connection.write_paused)
        leave(client)
        await until(lambda: up.over)
        assert proxy.events == ["answer_started 200", "upstream_done", "ended client-gone 200"]


# --- the upstream leaves --------------------------------------------------------------------------


BROKEN = {
    "length": b"Content-Length: 9\r\n\r\nabc",
    "chunked": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "malformed chunk": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n",
}


@pytest.mark.parametrize("framing", BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_answer_that_breaks_off_is_reset_and_never_ends_cleanly(
    framing: bytes, version: bytes
) -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\n" + framing)

    async with upstream(serve) as up, site(proxy := Proxy(up.address)) as place:
        client = await place.client()
        await client.send(b"GET / HTTP/%b\r\nHost: a\r\n\r\n" % version)
        with pytest.raises(ConnectionResetError):
            await client.rest()
        assert proxy.events[1:] == ["upstream_done", "ended upstream-broken 200"]


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_answer_until_close_that_is_reset_is_reset_for_the_client_too(version: bytes) -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\n\r\nabc")
        await until(lambda: proxy.seen[0].exchange.answer_bytes == 3)
        wire.reset()

    async with upstream(serve) as up, site(proxy := Proxy(up.address)) as place:
        client = await place.client()
        await client.send(b"GET / HTTP/%b\r\nHost: a\r\n\r\n" % version)
        with pytest.raises(ConnectionResetError):
            await client.rest()
        assert proxy.events[1:] == ["upstream_done", "ended upstream-broken 200"]


NO_ANSWER = {
    "closed": (b"", "closed"),
    "in the head": (b"HTTP/1.1 200 OK\r\nConte", "closed"),
    "after 100": (b"HTTP/1.1 100 Continue\r\n\r\n", "closed"),
    "not HTTP": (b"SSH-2.0-OpenSSH\r\n\r\n", "malformed"),
    "status 999": (b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", "malformed"),
    "two lengths": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        "malformed",
    ),
    "length and coding": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "malformed",
    ),
    "other coding": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "malformed"),
    "101 unasked": (
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        "malformed",
    ),
    "many headers": (b"HTTP/1.1 204 No\r\n" + b"A: b\r\n" * 1000 + b"\r\n", "malformed"),
    "endless head": (b"HTTP/1.1 204 No\r\nA: " + b"b" * 400_000, "malformed"),
}


@pytest.mark.parametrize(("raw", "kind"), NO_ANSWER.values(), ids=NO_ANSWER.keys())
async def test_upstream_without_an_answer_fails_the_attempt(raw: bytes, kind: str) -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        await wire.send(raw)

    async with upstream(serve) as up, site(proxy := Proxy(up.address)) as place:
        client = await place.client()
        await client.send(POST % 1 + b"x" + GET)
        assert (await client.answer()).status in {100, 502}
        await until(lambda: len(proxy.seen) == 2)
        assert proxy.seen[0].events == [f"attempt_failed {kind}", "ended answered 502"]
        await until(lambda: proxy.events)
        assert proxy.events[0] == f"attempt_failed {kind} retryable"


async def test_refused_connection_fails_the_attempt_and_may_be_retried() -> None:
    async with site(proxy := Proxy(closed_port())) as place:
        client = await place.client()
        await client.send(POST % 1 + b"x")
        assert (await client.answer()).status == 502
        assert proxy.events == ["attempt_failed connect retryable", "ended answered 502"]


ABC = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
SURPLUS: dict[str, tuple[bytes, bytes]] = {
    "more body": (GET, ABC + b"def"),
    "another answer": (GET, ABC + b"HTTP/1.1 204 No Content\r\n\r\n"),
    "another answer with a body": (GET, ABC + ABC),
    "part of another answer": (GET, ABC + b"HTTP/1.1 200 OK\r\nX: "),
    "an informational answer": (GET, ABC + b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "more chunks": (
        GET,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n1\r\nd\r\n",
    ),
    "a body after 204": (GET, b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc"),
    "a body after 304": (GET, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\nabc"),
    "a body for HEAD": (HEAD, ABC),
}


@pytest.mark.parametrize(("question", "raw"), SURPLUS.values(), ids=SURPLUS.keys())
async def test_bytes_after_a_whole_answer_spoil_the_connection_only(
    question: bytes, raw: bytes
) -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        await wire.send(raw)
        await wire.rest()

    async with upstream(serve) as up, site(proxy := Proxy(up.address)) as place:
        client = await place.client()
        for number in range(1, 3):
            await client.send(question)
            answer = await client.answer(to=question.split()[0].decode())
            assert answer.body in {b"abc", b""}
            assert proxy.events[1:] == ["upstream_done", f"ended answered {answer.status}"]
            assert len(up.wires) == number


# --- again and elsewhere --------------------------------------------------------------------------


class Retrier(Recorder):
    """Turns a status down and forwards again, to the next address."""

    def __init__(self, exchange: Exchange, addresses: list[Address]) -> None:
        super().__init__(exchange)
        self.addresses = addresses
        self.errors: list[RuntimeError] = []
        exchange.forward(addresses.pop(0))

    def answer_started(self, head: AnswerHead) -> bool:
        super().answer_started(head)
        return head.status != 429

    def attempt_failed(self, failure: AttemptFailure) -> None:
        try:
            self.exchange.forward(self.addresses.pop(0))
        except RuntimeError as error:
            self.errors.append(error)
            super().attempt_failed(failure)


async def turn_down(wire: Wire) -> None:
    while True:
        await wire.request()
        await wire.send(b"HTTP/1.1 429 Full\r\nContent-Length: 4\r\n\r\nfull")


@pytest.mark.parametrize("size", [0, 1, REPLAY_BYTES])
async def test_refused_request_goes_elsewhere_with_its_body(size: int) -> None:
    seen: list[Retrier] = []
    async with upstream(turn_down) as full, upstream(echo) as free:

        def service(exchange: Exchange) -> None:
            seen.append(Retrier(exchange, [full.address, closed_port(), free.address]))

        async with site(service) as place:
            client = await place.client()
            for _ in range(3):
                await client.send(POST % size + b"x" * size)
                assert (await client.answer()).body == b"/ " + b"x" * size
                assert seen[-1].events[-2:] == ["upstream_done", "ended answered 200"]
            assert (len(full.wires), len(free.wires)) == (1, 1)


async def test_request_whose_body_is_gone_cannot_be_forwarded_again() -> None:
    seen: list[Retrier] = []
    async with upstream(turn_down) as full:

        def service(exchange: Exchange) -> None:
            seen.append(Retrier(exchange, [full.address, full.address]))

        async with site(service) as place:
            client = await place.client()
            await client.send(POST % 1_000_000 + b"x" * 1_000_000)
            assert (await client.answer()).status == 502
            (retrier,) = seen
            assert len(retrier.errors) == 1
            assert retrier.events[-2:] == ["attempt_failed refused", "ended answered 502"]


async def test_forwarding_twice_at_once_is_an_error() -> None:
    async def forward_again(exchange: Exchange) -> None:
        with pytest.raises(RuntimeError):
            exchange.forward(up.address)

    async with upstream(silence) as up, site(proxy := Proxy(up.address)) as place:
        client = await place.client()
        await client.send(GET)
        await until(lambda: proxy.seen)
        await forward_again(proxy.seen[0].exchange)
        proxy.seen[0].exchange.answer(500)
        await forward_again(proxy.seen[0].exchange)


async def test_request_that_was_answered_is_not_forwarded() -> None:
    errors: list[str] = []

    def service(exchange: Exchange) -> None:
        exchange.answer(403)
        try:
            exchange.forward(closed_port())
        except RuntimeError as error:
            errors.append(str(error))

    async with site(service) as place:
        client = await place.client()
        await client.send(GET)
        assert (await client.answer()).status == 403
    assert len(errors) == 1


async def close_second_request(wire: Wire) -> None:
    await wire.request()
    await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    await wire.until(b"\r\n\r\n")


async def test_get_on_a_connection_that_had_died_is_sent_again() -> None:
    async with upstream(close_second_request) as up, site(proxy := Proxy(up.address)) as place:
        client = await place.client()
        for _ in range(2):
            await client.send(GET)
            assert (await client.answer()).status == 200
        assert len(up.wires) == 2
        assert proxy.events == ["answer_started 200", "upstream_done", "ended answered 200"]


async def test_post_on_a_connection_that_died_under_it_fails() -> None:
    async with upstream(close_second_request) as up, site(proxy := Proxy(up.address)) as place:
        client = await place.client()
        await client.send(GET)
        assert (await client.answer()).status == 200
        await client.send(POST % 1 + b"x")
        assert (await client.answer()).status == 502
        assert proxy.events == ["attempt_failed closed", "ended answered 502"]


async def test_post_does_not_take_a_connection_that_its_upstream_has_closed() -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with upstream(serve) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        for number in range(1, 4):
            await client.send(POST % 1 + b"x")
            assert (await client.answer()).status == 200
            await until(lambda: up.over == len(up.wires))
            await until(lambda: not any(place.engine.pool._idle.values()))
            assert len(up.wires) == number
