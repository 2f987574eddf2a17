"""Answers before the end of a request, and bodies that one side is slow to take."""

import asyncio
import http.client
import os
import socket
import struct

import httpx
import pytest
import requests

from servingkit.core.revision import Address
from servingkit.http1.exchange import REPLAY_BYTES, Exchange
from servingkit.http1.upstream import UpstreamConnection
from tests.polling import until
from tests.servingkit.http1.peers import HOST, Proxy, Recorder, Wire, site, upstream
from tests.servingkit.http1.scripts import GET, POST, QUEUE_BYTES, UPLOAD_BYTES, echo

pytestmark = pytest.mark.asyncio


def refuse(exchange: Exchange) -> None:
    exchange.answer(503, (), b"full\n")


# --- early answers --------------------------------------------------------------------------------


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


# --- back-pressure --------------------------------------------------------------------------------


LARGE_BYTES = 200 * 1024 * 1024


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
