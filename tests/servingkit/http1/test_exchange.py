import asyncio
import gc
import http.client
import os
import socket
import struct
import weakref
from collections.abc import Callable

import httpx
import pytest
import requests

from servingkit.core.revision import Address
from servingkit.http1.core.message import AnswerHead
from servingkit.http1.downstream import ServerLimits
from servingkit.http1.exchange import REPLAY_BYTES, Exchange
from servingkit.http1.upstream import UpstreamConnection
from servingkit.http1.watcher import AttemptFailure, Edits, TimeLimits
from tests.polling import until
from tests.ports import free_port
from tests.servingkit.http1.peers import HOST, Proxy, Recorder, Wire, site, upstream

pytestmark = pytest.mark.asyncio

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
UPLOAD_BYTES = 8_000_000


async def echo(wire: Wire) -> None:
    """Answer each request with its own target and body."""
    while True:
        asked = await wire.request()
        body = asked.target + b" " + asked.body
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


async def silence(wire: Wire) -> None:
    """Take all and answer nothing."""
    await wire.rest()


def refuse(exchange: Exchange) -> None:
    exchange.answer(503, (), b"full\n")


def closed_port() -> Address:
    return Address(HOST, free_port())


# --- what passes --------------------------------------------------------------------------------


async def test_chunked_request_arrives_whole() -> None:
    async with upstream(echo) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        await client.send(b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n")
        await client.send(b"abc\r\n2;x=y\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n" + GET)
        assert (await client.answer()).body == b"/a abcde"
        assert (await client.answer()).body == b"/ "


ANSWERS: dict[str, tuple[bytes, bytes, str, bytes]] = {
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", GET, "GET", b"abc"),
    "chunked": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
        GET,
        "GET",
        b"abc",
    ),
    "HEAD with a length": (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", HEAD, "HEAD", b""),
    "HEAD, chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HEAD, "HEAD", b""),
    "HEAD without framing": (b"HTTP/1.1 200 OK\r\n\r\n", HEAD, "HEAD", b""),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", GET, "GET", b""),
    "304 with a length": (
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n",
        GET,
        "GET",
        b"",
    ),
    "1.0 keep-alive": (
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc",
        GET,
        "GET",
        b"abc",
    ),
    "own reason": (b"HTTP/1.1 299 Mine\r\nContent-Length: 0\r\n\r\n", GET, "GET", b""),
}


@pytest.mark.parametrize(
    ("raw", "question", "method", "body"), ANSWERS.values(), ids=ANSWERS.keys()
)
async def test_both_connections_are_used_again_after_an_answer_of_known_length(
    raw: bytes, question: bytes, method: str, body: bytes
) -> None:
    async def serve(wire: Wire) -> None:
        while True:
            await wire.request()
            await wire.send(raw)

    async with upstream(serve) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        for _ in range(3):
            await client.send(question)
            assert (await client.answer(to=method)).body == body
        assert len(up.wires) == 1


async def test_answer_until_close_becomes_chunked_for_a_client_of_1_1() -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\n\r\nabc")
        wire.close()

    async with upstream(serve) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        for _ in range(2):
            await client.send(GET)
            answer = await client.answer()
            assert (answer.header(b"transfer-encoding"), answer.body) == (b"chunked", b"abc")


@pytest.mark.parametrize(
    "framing", [b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"\r\nabc"]
)
async def test_answer_of_unknown_length_ends_with_the_connection_of_a_client_of_1_0(
    framing: bytes,
) -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\n" + framing)
        wire.close()

    async with upstream(serve) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        await client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        head = await client.until(b"\r\n\r\n")
        assert b"Connection: close" in head
        assert b"Transfer-Encoding" not in head
        assert await client.rest() == b"abc"


async def test_trailers_of_an_answer_pass_unless_they_would_be_acted_on() -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        await wire.send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Grpc-Status\r\n\r\n"
            b"3\r\nabc\r\n0\r\n"
            b"Grpc-Status: 0\r\nAuthorization: 9\r\nSet-Cookie: a\r\n\r\n"
        )
        await wire.rest()

    async with upstream(serve) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        await client.send(GET)
        answer = await client.answer()
        assert answer.header(b"trailer") == b"Grpc-Status"
        assert answer.trailers == [(b"grpc-status", b"0")]


async def test_informational_answers_pass_and_end_nothing() -> None:
    async def serve(wire: Wire) -> None:
        await wire.until(b"\r\n\r\n")
        await wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await wire.until(b"abc")
        await wire.send(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await echo(wire)

    async with upstream(serve) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        await client.send(POST[:-2] % 3 + b"Expect: 100-continue\r\n\r\n")
        assert await client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(b"abc")
        answer = await client.answer()
        assert (answer.informational, answer.body) == ([103], b"ok")
        await client.send(GET)
        assert (await client.answer()).body == b"/ "


async def test_informational_answers_do_not_reach_a_client_of_1_0() -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
        await wire.rest()

    async with upstream(serve) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        await client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert (await client.rest()).startswith(b"HTTP/1.1 204")


async def test_edits_change_the_head_that_the_upstream_sees() -> None:
    heads: list[bytes] = []

    async def serve(wire: Wire) -> None:
        heads.append(await wire.until(b"\r\n\r\n"))
        await wire.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    def service(exchange: Exchange) -> None:
        Recorder(exchange)
        exchange.forward(up.address, Edits(frozenset((b"x-a",)), ((b"X-C", b"3"),), b"b"))

    async with upstream(serve) as up, site(service) as place:
        client = await place.client()
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nX-B: 2\r\n\r\n")
        assert (await client.answer()).status == 204
    assert heads == [b"GET / HTTP/1.1\r\nHost: b\r\nX-B: 2\r\nVia: 1.1 inflight\r\nX-C: 3\r\n\r\n"]


# --- early answers ------------------------------------------------------------------------------


async def test_early_refusal_reaches_http_client_twenty_times_of_twenty() -> None:
    def ask(port: int) -> int:
        connection = http.client.HTTPConnection(HOST, port, timeout=60)
        connection.request("POST", "/", body=b"x" * UPLOAD_BYTES)
        status = connection.getresponse().status
        connection.close()
        return status

    async with site(refuse) as place:
        for _ in range(20):
            assert await asyncio.to_thread(ask, place.listener.port) == 503


async def test_early_refusal_reaches_requests_twenty_times_of_twenty() -> None:
    def ask(port: int) -> int:
        return requests.post(f"http://{HOST}:{port}/", b"x" * UPLOAD_BYTES, timeout=60).status_code

    async with site(refuse) as place:
        for _ in range(20):
            assert await asyncio.to_thread(ask, place.listener.port) == 503


async def test_early_refusal_reaches_httpx_twenty_times_of_twenty() -> None:
    async with site(refuse) as place, httpx.AsyncClient(trust_env=False) as client:
        for _ in range(20):
            url = f"http://{HOST}:{place.listener.port}/"
            assert (await client.post(url, content=b"x" * UPLOAD_BYTES)).status_code == 503


async def test_early_answer_of_the_upstream_reaches_the_client_and_frees_the_connection() -> None:
    async def serve(wire: Wire) -> None:
        await wire.until(b"\r\n\r\n")
        await wire.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        await wire.rest()

    def ask(port: int) -> int:
        connection = http.client.HTTPConnection(HOST, port, timeout=60)
        connection.request("POST", "/", body=b"x" * UPLOAD_BYTES)
        status = connection.getresponse().status
        connection.close()
        return status

    async with upstream(serve) as up, site(Proxy(up.address)) as place:
        for _ in range(20):
            assert await asyncio.to_thread(ask, place.listener.port) == 413
        await until(lambda: place.listener.open_connections == 0)
        await until(lambda: up.over == len(up.wires))


async def test_early_answer_is_heard_though_a_write_fails_before_it_is_read() -> None:
    with socket.create_server((HOST, 0)) as server:
        address = Address(HOST, server.getsockname()[1])
        async with site(proxy := Proxy(address)) as place:
            client = await place.client()
            sock = client.writer.get_extra_info("socket")
            await client.send(POST % UPLOAD_BYTES + b"x")
            accepted, _ = await asyncio.to_thread(server.accept)
            await until(lambda: proxy.seen[0].exchange.request_bytes)
            # Nothing runs between these: the engine finds the client's piece first, and writes it
            # to a connection that has been answered, closed and reset.
            os.write(sock.fileno(), b"x" * 1_000)
            accepted.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            accepted.close()
            answer = await client.answer(to="POST")
            assert (answer.status, answer.body) == (413, b"no")
            assert proxy.events == ["answer_started 413", "upstream_done", "ended answered 413"]


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ],
    ids=["length", "after 103", "chunked"],
)
async def test_client_is_told_that_an_answer_before_the_end_of_its_request_is_the_last(
    raw: bytes,
) -> None:
    async def serve(wire: Wire) -> None:
        await wire.until(b"\r\n\r\n")
        await wire.send(raw)
        await wire.rest()

    async with upstream(serve) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        await client.send(POST % 9 + b"abc")
        answer = await client.answer()
        assert (answer.status, answer.body, answer.header(b"connection")) == (200, b"ok", b"close")
        assert await client.rest() == b""


async def test_client_of_1_0_is_told_the_same() -> None:
    async def serve(wire: Wire) -> None:
        await wire.until(b"\r\n\r\n")
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await wire.rest()

    async with upstream(serve) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        await client.send(b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 9\r\n\r\n")
        head = await client.until(b"\r\n\r\n")
        assert head.endswith(b"\r\nContent-Length: 2\r\nConnection: close\r\n\r\n")


async def test_answer_may_begin_and_go_on_while_the_request_does() -> None:
    async def serve(wire: Wire) -> None:
        await wire.until(b"\r\n\r\n")
        await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            piece = await wire.until(b".")
            await wire.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        await wire.send(b"0\r\n\r\n")
        await echo(wire)

    async with upstream(serve) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        await client.send(POST % 6)
        await client.until(b"\r\n\r\n")
        for piece in (b"a.", b"b.", b"c."):
            await client.send(piece)
            assert piece in await client.until(piece + b"\r\n")
        assert await client.until(b"0\r\n\r\n") == b"0\r\n\r\n"
        await client.send(GET)
        assert (await client.answer()).body == b"/ "


# --- back-pressure ------------------------------------------------------------------------------

LARGE_BYTES = 200 * 1024 * 1024
QUEUE_BYTES = 512 * 1024  # high-water mark of the transport and one read on top


async def test_large_answer_waits_at_its_upstream_for_a_slow_client() -> None:
    sent = 0

    async def serve(wire: Wire) -> None:
        nonlocal sent
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE_BYTES)
        piece = bytes(1024 * 1024)
        while sent < LARGE_BYTES:
            await wire.send(piece)
            sent += len(piece)
        await wire.rest()

    def queued() -> int:
        (connection,) = place.listener._connections.open
        return connection._transport.get_write_buffer_size()

    async with upstream(serve) as up, site(proxy := Proxy(up.address)) as place:
        client = await place.client()
        await client.send(GET)
        await client.until(b"\r\n\r\n")
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await until(lambda: queued() > 65_536)
        before = -1
        while before != sent:  # until nothing moves any more
            before = sent
            await asyncio.sleep(0.1)
        assert sent < LARGE_BYTES / 2
        assert queued() <= QUEUE_BYTES
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        taken = len(client._left)
        client._left = b""
        while taken < LARGE_BYTES:
            taken += len(await client.reader.read(1024 * 1024))
            assert queued() <= QUEUE_BYTES
        assert proxy.seen[0].exchange.answer_bytes == LARGE_BYTES


async def test_large_request_waits_at_its_client_for_a_slow_upstream() -> None:
    go_on = asyncio.Event()
    taken = 0

    async def serve(wire: Wire) -> None:
        nonlocal taken
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await go_on.wait()
        wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await wire.until(b"\r\n\r\n")
        taken += len(wire._left)
        while taken < LARGE_BYTES:
            taken += len(await wire.reader.read(1024 * 1024))
        await wire.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with upstream(serve) as up, site(proxy := Proxy(up.address)) as place:
        client = await place.client()
        await client.send(POST % LARGE_BYTES)
        sending = asyncio.ensure_future(send_large(client))
        await until(lambda: proxy.seen)
        exchange = proxy.seen[0].exchange
        await until(lambda: exchange._upstream is not None and exchange._upstream.write_paused())
        connection = exchange._upstream
        assert isinstance(connection, UpstreamConnection)
        assert connection._transport.get_write_buffer_size() <= QUEUE_BYTES
        assert exchange.request_bytes < LARGE_BYTES / 2
        assert sum(map(len, exchange._kept)) <= 2 * REPLAY_BYTES
        go_on.set()
        assert (await client.answer()).status == 204
        await sending
        assert taken == LARGE_BYTES == exchange.request_bytes


async def send_large(client: Wire) -> None:
    piece = bytes(1024 * 1024)
    for _ in range(LARGE_BYTES // len(piece)):
        await client.send(piece)


async def test_body_of_a_held_request_stays_with_the_client() -> None:
    held: list[Exchange] = []
    async with upstream(echo) as up, site(held.append) as place:
        client = await place.client()
        body = bytes(range(256)) * 40_000
        sending = asyncio.ensure_future(client.send(POST % len(body) + body))
        await until(lambda: held and place.listener._connections.paused)
        (exchange,) = held
        assert 0 < exchange.request_bytes <= 65_536
        Recorder(exchange)
        exchange.forward(up.address)
        assert (await client.answer()).body == b"/ " + body
        await sending


# --- the client leaves --------------------------------------------------------------------------

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


# --- the upstream leaves ------------------------------------------------------------------------

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


# --- again and elsewhere ------------------------------------------------------------------------


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


# --- time ---------------------------------------------------------------------------------------


class Limited(Proxy):
    """Forwards under time limits."""

    def __init__(self, address: Address, limits: TimeLimits) -> None:
        super().__init__(address)
        self.limits = limits

    def __call__(self, exchange: Exchange) -> None:
        super().__call__(exchange)
        exchange.limit_time(self.limits)


@pytest.mark.parametrize(
    "limits",
    [
        TimeLimits(max_duration_s=0.2),
        TimeLimits(response_start_s=0.2),
        TimeLimits(idle_s=0.2),
    ],
)
async def test_upstream_that_is_silent_for_too_long_is_given_up(limits: TimeLimits) -> None:
    async with upstream(silence) as up, site(proxy := Limited(up.address, limits)) as place:
        client = await place.client()
        await client.send(GET)
        assert (await client.answer()).status == 504
        assert proxy.events == ["timed_out", "upstream_done", "ended answered 504"]
        await until(lambda: up.over == 1)


async def drip_without_end(wire: Wire) -> None:
    await wire.request()
    await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await wire.send(b"1\r\na\r\n")
        await asyncio.sleep(0.06)


async def drip_for_more_than_a_second(wire: Wire) -> None:
    await wire.request()
    await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(12):
        await wire.send(b"1\r\na\r\n")
        await asyncio.sleep(0.1)
    await wire.send(b"0\r\n\r\n")
    await wire.rest()


@pytest.mark.parametrize("limits", [TimeLimits(max_duration_s=0.3), TimeLimits(0.3, 0.3, 0.3)])
async def test_answer_that_takes_too_long_is_reset(limits: TimeLimits) -> None:
    answers = upstream(drip_without_end)
    async with answers as up, site(proxy := Limited(up.address, limits)) as place:
        client = await place.client()
        await client.send(GET)
        with pytest.raises(ConnectionResetError):
            await client.rest()
        assert proxy.events[1:] == ["upstream_done", "ended timed-out 200"]
        await until(lambda: up.over == 1)


@pytest.mark.parametrize("limits", [TimeLimits(response_start_s=1.0), TimeLimits(idle_s=1.0)])
async def test_answer_that_goes_on_is_not_cut(limits: TimeLimits) -> None:
    answers = upstream(drip_for_more_than_a_second)
    async with answers as up, site(Limited(up.address, limits)) as place:
        client = await place.client()
        await client.send(GET)
        assert (await client.answer()).body == b"a" * 12


async def test_abort_resets_the_client_and_tells_the_watcher() -> None:
    async with upstream(silence) as up, site(proxy := Proxy(up.address)) as place:
        client = await place.client()
        await client.send(GET)
        await until(lambda: up.wires)
        proxy.seen[0].exchange.abort()
        assert proxy.events == ["upstream_done", "ended stopped 0"]
        with pytest.raises(ConnectionResetError):
            await client.rest()
        await until(lambda: up.over == 1)


async def test_stalled_client_frees_its_upstream() -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await wire.send(b"10000\r\n" + bytes(65_536) + b"\r\n")

    limits = ServerLimits(stalled_s=0.3)
    async with upstream(serve) as up, site(proxy := Proxy(up.address), limits) as place:
        client = await place.client()
        await client.send(GET)
        await client.until(b"\r\n\r\n")
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await until(lambda: up.over == 1)
        assert proxy.events[1:] == ["upstream_done", "ended client-gone 200"]


# --- upgrades -----------------------------------------------------------------------------------

WEBSOCKET = (
    b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: y\r\n\r\n"
)


async def tunnel_echo(wire: Wire) -> None:
    head = await wire.until(b"\r\n\r\n")
    assert b"Upgrade: websocket" in head
    await wire.send(SWITCH + b"hello")
    while data := wire._left or await wire.reader.read(65_536):
        wire._left = b""
        await wire.send(data)


async def test_websocket_becomes_a_tunnel_for_both_sides() -> None:
    async with upstream(tunnel_echo) as up, site(proxy := Proxy(up.address)) as place:
        client = await place.client()
        await client.send(WEBSOCKET + b"\x81early")  # bytes that do not wait for the 101
        head = await client.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"Sec-WebSocket-Accept: y" in head
        assert b"Upgrade: websocket" in head
        assert await client.until(b"early") == b"hello\x81early"
        await client.send(b"\x82more")
        assert await client.until(b"more") == b"\x82more"
        client.close()
        await until(lambda: up.over == 1)
        assert proxy.events == ["answer_started 101", "upstream_done", "ended answered 101"]
        await until(lambda: place.listener.open_connections == 0)


async def test_watcher_may_turn_a_tunnel_down_add_to_its_head_or_abort() -> None:
    class Choosy(Recorder):
        def answer_started(self, head: AnswerHead) -> bool:
            super().answer_started(head)
            reason = head.fields[b"inflight-reason"]
            self.exchange.answer_added = ((b"X-Added", b"1"),)
            if reason == b"abort":
                self.exchange.abort()
            return reason != b"refused"

    async def serve(wire: Wire) -> None:
        head = await wire.until(b"\r\n\r\n")
        await wire.send(SWITCH[:-2] + b"Inflight-Reason: %b\r\n\r\n" % head[5:].split(b" ")[0])
        await wire.rest()

    async with upstream(serve) as up:

        def service(exchange: Exchange) -> None:
            Choosy(exchange)
            exchange.forward(up.address, Edits(answer_dropped=frozenset((b"inflight-reason",))))

        async with site(service) as place:
            client = await place.client()
            await client.send(WEBSOCKET.replace(b"/chat", b"/taken"))
            head = await client.until(b"\r\n\r\n")
            assert b"X-Added: 1\r\n" in head
            assert b"Inflight-Reason" not in head
            client = await place.client()
            await client.send(WEBSOCKET.replace(b"/chat", b"/refused"))
            assert (await client.answer()).status == 502
            client = await place.client()
            await client.send(WEBSOCKET.replace(b"/chat", b"/abort"))
            with pytest.raises(ConnectionResetError):
                await client.rest()


@pytest.mark.parametrize("field", [b"", b"Upgrade: h2c\r\n"], ids=["none", "another"])
async def test_switch_to_what_was_not_asked_for_fails_the_attempt(field: bytes) -> None:
    async def serve(wire: Wire) -> None:
        await wire.until(b"\r\n\r\n")
        await wire.send(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n%b\r\n" % field
        )
        await wire.rest()

    async with upstream(serve) as up, site(proxy := Proxy(up.address)) as place:
        client = await place.client()
        await client.send(WEBSOCKET)
        assert (await client.answer()).status == 502
        assert proxy.events == ["attempt_failed malformed retryable", "ended answered 502"]


async def test_tunnel_passes_on_what_came_before_either_side_closed() -> None:
    got = bytearray()

    async def serve(wire: Wire) -> None:
        await wire.until(b"\r\n\r\n")
        await wire.send(SWITCH + bytes(3_000_000))
        wire.writer.write_eof()
        got.extend(await wire.rest())

    async with upstream(serve) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        await client.send(WEBSOCKET + b"bye")
        await client.until(b"\r\n\r\n")
        assert await client.rest() == bytes(3_000_000)
        await until(lambda: up.over == 1)
    assert got == b"bye"


async def test_tunnel_holds_a_fast_side_back() -> None:
    size = 50_000_000

    async with upstream(tunnel_echo) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        await client.send(WEBSOCKET)
        await client.until(b"hello")
        (connection,) = place.listener._connections.open
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        sending = asyncio.ensure_future(client.send(bytes(size)))
        await until(lambda: place.listener._connections.paused)
        tunnel = connection._tunnel
        assert isinstance(tunnel, UpstreamConnection)
        assert connection._transport.get_write_buffer_size() <= QUEUE_BYTES
        assert tunnel._transport.get_write_buffer_size() <= QUEUE_BYTES
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert await client.reader.readexactly(size) == bytes(size)
        await sending


async def test_websocket_that_is_turned_down_leaves_http_on_both_sides() -> None:
    async def serve(wire: Wire) -> None:
        await wire.until(b"\r\n\r\n")
        await wire.send(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno")
        await echo(wire)

    async with upstream(serve) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        client.writer.write(WEBSOCKET + POST % 100_000 + b"x" * 50_000)
        assert (await client.answer()).status == 403
        await client.send(b"x" * 50_000 + GET)
        assert (await client.answer()).body == b"/ " + b"x" * 100_000
        assert (await client.answer()).body == b"/ "
        assert len(up.wires) == 1


OFFERS = {
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n",
    "websocket": b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
}


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS.keys())
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
async def test_upgrade_offered_with_a_body_is_ignored_and_the_body_kept(
    offer: bytes, *, chunked: bool
) -> None:
    body = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
    sent = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    raw = b"POST / HTTP/1.1\r\nHost: a\r\n" + offer + framing + b"\r\n\r\n" + sent
    heads: list[bytes] = []

    async def serve(wire: Wire) -> None:
        while True:
            asked = await wire.request()
            heads.append(b" ".join(name for name, _ in asked.headers))
            answer = asked.target + b" " + asked.body
            await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)

    async with upstream(serve) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        await client.send(raw + GET + raw)
        assert (await client.answer()).body == b"/ " + body
        assert (await client.answer()).body == b"/ "
        assert (await client.answer()).body == b"/ " + body
        for at in range(0, len(raw), 7):
            await client.send(raw[at : at + 7])
        assert (await client.answer()).body == b"/ " + body
        assert not any(b"upgrade" in head for head in heads)


async def test_h2c_offered_without_a_body_is_ignored() -> None:
    async with upstream(echo) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        await client.send(GET[:-2] + OFFERS["h2c"] + b"\r\n" + GET)
        assert (await client.answer()).body == b"/ "
        assert (await client.answer()).body == b"/ "


# --- bugs of programs ---------------------------------------------------------------------------


async def test_exception_in_ended_does_not_keep_the_connection() -> None:
    class Failing(Recorder):
        def ended(self) -> None:
            raise ValueError

    def service(exchange: Exchange) -> None:
        Failing(exchange)
        exchange.forward(up.address)

    async with upstream(echo) as up, site(service) as place:
        client = await place.client()
        await client.send(GET)
        assert (await client.answer()).body == b"/ "
        await client.send(GET)
        assert (await client.answer()).body == b"/ "


async def test_exception_after_a_failed_connect_ends_that_exchange_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Failing(Recorder):
        def attempt_failed(self, failure: AttemptFailure) -> None:
            raise ValueError(failure)

    def service(exchange: Exchange) -> None:
        Failing(exchange)
        exchange.forward(closed_port() if exchange.request.method == b"POST" else up.address)

    async with upstream(echo) as up, site(service) as place:
        client = await place.client()
        await client.send(POST % 1 + b"x")
        with pytest.raises(ConnectionResetError):
            await client.rest()
        client = await place.client()
        await client.send(GET)
        assert (await client.answer()).body == b"/ "
    assert "ValueError" in caplog.text


async def test_exception_in_answer_started_fails_the_attempt() -> None:
    class Failing(Recorder):
        def answer_started(self, head: AnswerHead) -> bool:
            raise ValueError(head)

    seen: list[Failing] = []

    def service(exchange: Exchange) -> None:
        seen.append(Failing(exchange))
        exchange.forward(up.address)

    async with upstream(echo) as up, site(service) as place:
        client = await place.client()
        await client.send(GET)
        assert (await client.answer()).status == 502
        assert seen[0].events == ["attempt_failed closed retryable", "ended answered 502"]


# --- memory -------------------------------------------------------------------------------------


async def test_exchange_that_ended_is_freed_without_the_garbage_collector() -> None:
    alive: list[weakref.ref[Recorder]] = []

    def service(exchange: Exchange) -> None:
        alive.append(weakref.ref(Recorder(exchange)))
        if exchange.request.method == b"POST":
            exchange.answer(503)
        else:
            exchange.forward(up.address)

    gc.disable()
    try:
        async with upstream(echo) as up, site(service) as place:
            client = await place.client()
            for request in (GET, POST % 0, GET):
                await client.send(request)
                await client.answer()
            await until(lambda: not any(found() for found in alive))
        assert len(alive) == 3
    finally:
        gc.enable()


class Copy:
    """A tap that notes what it sees."""

    def __init__(self) -> None:
        self.body = b""
        self.events: list[str] = []

    def receive_body(self, data: bytes) -> None:
        self.body += data

    def receive_end(self) -> None:
        self.events.append("end")

    def original_ended(self) -> None:
        self.events.append("original ended")


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_tap_sees_every_body_whole_those_sent_ahead_too(framing: str) -> None:
    async def serve(wire: Wire) -> None:
        while True:
            size = b"%d" % len((await wire.request()).body)
            await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(size), size))

    copies: list[Copy] = []

    async with upstream(serve) as up:

        def service(exchange: Exchange) -> None:
            exchange.forward(up.address)
            copies.append(Copy())
            exchange.add_tap(copies[-1])

        sizes = (10, 0, 30_000, 300_000)
        async with site(service) as place:
            client = await place.client()
            for size in sizes:
                body = b"x" * size
                if framing == "chunked":
                    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                    chunk = b"%x\r\n%b\r\n" % (size, body) if size else b""
                    client.writer.write(head + chunk + b"0\r\n\r\n")
                else:
                    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size
                    client.writer.write(head + body)
            for size in sizes:
                assert (await client.answer("POST")).body == b"%d" % size
    assert [len(copy.body) for copy in copies] == list(sizes)
    assert all(copy.events == ["end", "original ended"] for copy in copies)
