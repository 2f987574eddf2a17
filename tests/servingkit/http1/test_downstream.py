import asyncio
from collections.abc import Callable

import pytest

from servingkit.http1.downstream import ServerLimits
from servingkit.http1.exchange import Exchange
from tests.polling import until
from tests.servingkit.http1.peers import Proxy, Wire, site, upstream

pytestmark = pytest.mark.asyncio

GET = b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"


def echo(exchange: Exchange) -> None:
    exchange.answer(200, (), exchange.request.target)


async def test_requests_on_one_connection_are_answered_in_turn() -> None:
    async with site(echo) as place:
        client = await place.client()
        for number in range(3):
            await client.send(GET % number)
            answer = await client.answer()
            assert (answer.status, answer.body) == (200, b"/%d" % number)


async def test_an_old_connection_is_closed_with_an_answer() -> None:
    async with site(echo, ServerLimits(most_age_s=0.5)) as place:
        client = await place.client()
        count = 0
        while True:
            await client.send(GET % count)
            answer = await client.answer()
            assert answer.body == b"/%d" % count
            count += 1
            if answer.header(b"connection") is not None:
                break
            await asyncio.sleep(0.01)
        assert answer.header(b"connection") == b"close"
        assert await client.reader.read() == b""


async def test_a_young_connection_is_kept() -> None:
    async with site(echo, ServerLimits(most_age_s=3600)) as place:
        client = await place.client()
        for number in range(3):
            await client.send(GET % number)
            assert (await client.answer()).header(b"connection") is None


@pytest.mark.parametrize("count", [2, 16, 17, 500, 6_000])
async def test_requests_sent_ahead_are_answered_in_order_and_none_is_lost(count: int) -> None:
    async with site(echo) as place:
        client = await place.client()
        client.writer.write(b"".join(GET % number for number in range(count)))
        for number in range(count):
            assert (await client.answer()).body == b"/%d" % number


async def test_requests_sent_ahead_wait_for_a_slow_upstream_in_order() -> None:
    async def serve(wire: Wire) -> None:
        while True:
            asked = await wire.request()
            body = asked.target + asked.body
            await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    post = b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000
    async with upstream(serve) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        client.writer.write(b"".join((GET % n) if n % 3 else (post % n) for n in range(100)))
        for number in range(100):
            answer = await client.answer()
            assert answer.body == b"/%d" % number + (b"" if number % 3 else b"x" * 9000)


async def test_only_a_few_requests_sent_ahead_are_taken_at_once() -> None:
    held: list[Exchange] = []
    async with site(held.append) as place:
        client = await place.client()
        client.writer.write(b"".join(GET % number for number in range(50_000)))
        await until(lambda: held and place.listener._connections.paused)
        (connection,) = place.listener._connections.open
        assert len(held) == 1
        assert len(connection._pipeline) < 200


async def test_body_of_a_request_sent_ahead_stays_with_the_client_until_its_turn() -> None:
    held: list[Exchange] = []
    async with site(held.append) as place:
        client = await place.client()
        client.writer.write(GET % 1)
        client.writer.write(b"POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n")
        client.writer.write(b"x" * 12_000_000)
        await until(lambda: held and place.listener._connections.paused)
        (connection,) = place.listener._connections.open
        assert connection._pipeline[-1].request_bytes <= 65_536
        held.pop().answer(204)
        await until(lambda: held)
        held.pop().answer(413)
        assert (await client.answer()).status == 204
        assert (await client.answer()).status == 413


async def test_last_of_many_requests_sent_ahead_gets_its_whole_body() -> None:
    async def serve(wire: Wire) -> None:
        while True:
            body = (await wire.request()).body
            await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    body = bytes(range(256)) * 1_000
    post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with upstream(serve) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        client.writer.write(GET % 0 * 16 + post + body + GET % 0)
        for _ in range(16):
            assert (await client.answer()).body == b""
        assert (await client.answer()).body == body
        assert (await client.answer()).body == b""


async def test_requests_before_a_hostile_one_are_answered_first() -> None:
    async with site(echo) as place:
        client = await place.client()
        await client.send(GET % 1 + GET % 2 + b"GET * HTTP/1.1\r\nHost: a\r\n\r\n" + GET % 3)
        assert (await client.answer()).body == b"/1"
        assert (await client.answer()).body == b"/2"
        assert (await client.answer()).status == 400
        assert await client.rest() == b""


async def test_requests_before_a_malformed_body_are_answered_first() -> None:
    held: list[Exchange] = []
    bad = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"
    async with site(held.append) as place:
        client = await place.client()
        await client.send(GET % 1 + GET % 2 + bad)
        for _ in range(2):
            await until(lambda: held)
            echo(held.pop())
        assert (await client.answer()).body == b"/1"
        assert (await client.answer()).body == b"/2"
        assert (await client.answer()).status == 400
        assert await client.rest() == b""
        assert not held


async def test_exception_in_the_service_is_answered_with_500_and_the_listener_lives(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(exchange: Exchange) -> None:
        if exchange.request.target == b"/1":
            raise ValueError(exchange.request.target)
        echo(exchange)

    async with site(fail) as place:
        client = await place.client()
        await client.send(GET % 0 + GET % 1 + GET % 2)
        assert (await client.answer()).status == 200
        assert (await client.answer()).status == 500
        assert (await client.answer()).body == b"/2"
    assert "ValueError" in caplog.text


async def test_absolute_target_replaces_the_host() -> None:
    heads: list[tuple[bytes, bytes]] = []

    def note(exchange: Exchange) -> None:
        heads.append((exchange.request.host, exchange.request.target))
        exchange.answer(204)

    async with site(note) as place:
        client = await place.client()
        await client.send(b"GET http://b:8?q HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await client.answer()).status == 204
    assert heads == [(b"b:8", b"/?q")]


CLOSES: dict[str, tuple[bytes, bytes | None]] = {
    "1.1": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", None),
    "1.1 close": (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"close"),
    "1.0": (b"GET / HTTP/1.0\r\n\r\n", b"close"),
    "1.0 keep-alive": (b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", b"keep-alive"),
}


@pytest.mark.parametrize(("raw", "connection"), CLOSES.values(), ids=CLOSES.keys())
async def test_connection_stays_or_closes_as_the_client_asked(
    raw: bytes, connection: bytes | None
) -> None:
    async with site(echo) as place:
        client = await place.client()
        await client.send(raw)
        answer = await client.answer()
        assert answer.body == b"/"
        assert answer.header(b"connection") == connection
        if connection == b"close":
            assert await client.rest() == b""
        else:
            await client.send(raw)
            assert (await client.answer()).body == b"/"


async def test_answer_to_head_has_a_length_and_no_body() -> None:
    async with site(echo) as place:
        client = await place.client()
        await client.send(b"HEAD /abc HTTP/1.1\r\nHost: a\r\n\r\n" + GET % 1)
        answer = await client.answer(to="HEAD")
        assert (answer.header(b"content-length"), answer.body) == (b"4", b"")
        assert (await client.answer()).body == b"/1"


async def test_head_that_does_not_end_is_refused_with_408() -> None:
    async with site(echo, ServerLimits(head_s=0.2)) as place:
        client = await place.client()
        await client.send(b"GET / HTTP/1.1\r\nHo")
        assert (await client.answer()).status == 408
        assert await client.rest() == b""


async def test_dripping_head_does_not_extend_its_time() -> None:
    async with site(echo, ServerLimits(head_s=0.3)) as place:
        client = await place.client()
        await client.send(GET % 1)
        assert (await client.answer()).status == 200
        answers = asyncio.ensure_future(client.answer())
        for piece in b"GET / HTTP/1.1\r\nHost: " + b"a" * 1000:
            client.writer.write(bytes((piece,)))
            await asyncio.sleep(0.02)
            if answers.done():
                break
        assert answers.result().status == 408


async def test_idle_connection_is_closed() -> None:
    async with site(echo, ServerLimits(idle_s=0.2)) as place:
        client = await place.client()
        await client.send(GET % 1)
        assert (await client.answer()).status == 200
        assert await client.rest() == b""
        await until(lambda: place.listener.open_connections == 0)


async def test_connection_without_a_request_is_closed() -> None:
    async with site(echo, ServerLimits(head_s=0.2)) as place:
        assert await (await place.client()).rest() == b""


STALLING = ServerLimits(stalled_s=0.3)


async def take_all(wire: Wire) -> None:
    """Answer each request when it is whole."""
    while True:
        await wire.request()
        await wire.send(b"HTTP/1.1 204 No Content\r\n\r\n")


def large_answer(exchange: Exchange) -> None:
    exchange.answer(200, (), b"x" * 12_000_000)


STALLED: dict[str, bytes] = {
    "kept alive": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "last answer": b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "1.0": b"GET / HTTP/1.0\r\n\r\n",
}


@pytest.mark.parametrize("raw", STALLED.values(), ids=STALLED.keys())
async def test_client_that_takes_nothing_is_cut(raw: bytes) -> None:
    async with site(large_answer, ServerLimits(stalled_s=0.3)) as place:
        client = await place.client()
        await client.send(raw)
        await until(lambda: place.listener.open_connections)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await until(lambda: place.listener.open_connections == 0)


@pytest.mark.parametrize("raw", STALLED.values(), ids=STALLED.keys())
async def test_slow_client_is_not_cut(raw: bytes) -> None:
    async with site(large_answer, ServerLimits(stalled_s=0.5, linger_s=0.2)) as place:
        client = await place.client()
        await client.send(raw)
        taken = 0
        while taken < 12_000_000:
            data = await client.reader.read(4_000_000)
            assert data
            taken += len(data)
            await asyncio.sleep(0.02)


BODIES = {
    "length": (b"Content-Length: 8", b"abc", b"defgh"),
    "length, nothing yet": (b"Content-Length: 8", b"", b"abcdefgh"),
    "chunked": (b"Transfer-Encoding: chunked", b"3\r\nabc\r\n", b"5\r\ndefgh\r\n0\r\n\r\n"),
    "in a chunk": (b"Transfer-Encoding: chunked", b"8\r\nabc", b"defgh\r\n0\r\n\r\n"),
}
BODY = pytest.mark.parametrize(("framing", "begun", "rest"), BODIES.values(), ids=BODIES.keys())


@BODY
async def test_body_that_stops_is_refused_with_408(
    framing: bytes, begun: bytes, rest: bytes
) -> None:
    del rest
    async with upstream(take_all) as up, site(proxy := Proxy(up.address), STALLING) as place:
        client = await place.client()
        await client.send(GET % 1 + b"POST / HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n")
        await client.send(begun)
        assert (await client.answer()).status == 204
        assert (await client.answer()).status == 408
        assert await client.rest() == b""
        assert proxy.events == ["upstream_done", "ended answered 408"]
        await until(lambda: up.over == len(up.wires))


@BODY
async def test_body_that_is_held_back_by_us_is_not_too_slow(
    framing: bytes, begun: bytes, rest: bytes
) -> None:
    held: list[Exchange] = []
    async with upstream(take_all) as up, site(held.append, STALLING) as place:
        client = await place.client()
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n" + begun)
        await asyncio.sleep(0.7)
        held[0].forward(up.address)
        await client.send(rest)
        assert (await client.answer()).status == 204


async def test_body_that_drips_is_not_cut() -> None:
    async with upstream(take_all) as up, site(Proxy(up.address), STALLING) as place:
        client = await place.client()
        for _ in range(2):
            await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n")
            for _ in range(8):
                await asyncio.sleep(0.1)
                await client.send(b"x")
            assert (await client.answer()).status == 204


async def test_pause_in_a_body_is_no_fault_once_the_answer_has_begun() -> None:
    async def serve(wire: Wire) -> None:
        await wire.until(b"\r\n\r\n")
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
        await wire.send(await wire.until(b"abc"))

    async with upstream(serve) as up, site(Proxy(up.address), STALLING) as place:
        client = await place.client()
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n")
        await client.until(b"\r\n\r\n")
        await asyncio.sleep(0.7)
        await client.send(b"abc")
        assert await client.until(b"abc") == b"abc"


@pytest.mark.parametrize("leave", [Wire.close, Wire.reset], ids=["FIN", "RST"])
async def test_client_that_leaves_after_its_answer_is_forgotten(
    leave: Callable[[Wire], None],
) -> None:
    async with site(echo) as place:
        client = await place.client()
        await client.send(GET % 1)
        await client.answer()
        leave(client)
        await until(lambda: place.listener.open_connections == 0)
