import asyncio
import socket
from itertools import pairwise

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from servingkit.core.revision import Address
from servingkit.http1.engine import Engine
from servingkit.http1.exchange import Exchange
from tests.polling import until
from tests.servingkit.http1.peers import HOST, Answered, Proxy, Wire, connect, site, upstream
from tests.servingkit.http1.scripts import GET, silence


def echo(exchange: Exchange) -> None:
    exchange.answer(200, (), exchange.request.target)


@pytest.mark.asyncio
async def test_draining_listener_tells_its_clients_to_come_back_elsewhere() -> None:
    held: list[Exchange] = []
    async with site(held.append) as place:
        busy, idle = await place.client(), await place.client()
        await busy.send(GET)
        await until(lambda: held)
        place.listener.drain()
        held.pop().answer(200)
        answer = await busy.answer()
        assert answer.header(b"connection") == b"close"
        assert await busy.rest() == b""
        place.listener.drain(draining=False)
        await idle.send(GET)
        await until(lambda: held)
        held.pop().answer(200)
        assert (await idle.answer()).header(b"connection") is None


@pytest.mark.asyncio
async def test_closed_listener_ends_what_is_under_way_and_nothing_else() -> None:
    held: list[Exchange] = []
    async with site(held.append) as place:
        busy, idle = await place.client(), await place.client()
        await busy.send(GET)
        await until(lambda: held and place.listener.open_connections == 2)
        place.listener.close()
        assert await idle.rest() == b""
        with pytest.raises(ConnectionRefusedError):
            await connect(place.listener.port)
        held.pop().answer(200, (), b"late")
        assert (await busy.answer()).body == b"late"
        assert await busy.rest() == b""
        await until(lambda: place.listener.open_connections == 0)
        await until(lambda: not place.engine._listeners)


@pytest.mark.asyncio
async def test_aborted_listener_resets_what_is_under_way() -> None:
    held: list[Exchange] = []
    async with site(held.append) as place:
        client = await place.client()
        await client.send(GET)
        await until(lambda: held)
        place.listener.abort()
        assert held[0].ended
        with pytest.raises(ConnectionResetError):
            await client.rest()


@pytest.mark.asyncio
async def test_engine_that_ends_closes_all_connections() -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        await wire.rest()

    async with upstream(serve) as up:
        async with Engine() as engine:
            listener = await engine.listen(proxy := Proxy(up.address), HOST, 0)
            idle, busy = await connect(listener.port), await connect(listener.port)
            await idle.send(GET)
            assert (await idle.answer()).status == 204
            await busy.send(GET)
            await until(lambda: len(proxy.seen) == 2)
        await until(lambda: up.over == 1)
        assert await idle.rest() == b""
        with pytest.raises(ConnectionResetError):
            await busy.rest()
        assert proxy.events[-2:] == ["upstream_done", "ended stopped 0"]
        for client in (idle, busy):
            await client.abandon()


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [10, 5_000_000])
@pytest.mark.parametrize("upload", [0, 5_000_000])
async def test_answers_that_were_given_arrive_although_the_engine_ends(
    size: int, upload: int
) -> None:
    given = asyncio.Event()

    def service(exchange: Exchange) -> None:
        exchange.answer(200, (), b"x" * size)
        given.set()

    async with Engine() as engine:
        listener = await engine.listen(service, HOST, 0)
        client = await connect(listener.port)
        client.writer.write(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % upload + b"x" * upload
        )
        await given.wait()
        answering = asyncio.ensure_future(client.answer(to="POST"))
    assert (await answering).body == b"x" * size
    await client.abandon()


@pytest.mark.asyncio
async def test_port_in_use_is_an_os_error() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        async with Engine() as engine:
            with pytest.raises(OSError, match="in use"):
                await engine.listen(echo, HOST, taken.getsockname()[1])


@pytest.mark.asyncio
async def test_peers_that_vanish_are_noticed_on_either_side() -> None:
    async with upstream(silence) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        await client.send(GET)
        await until(lambda: up.wires)
        (accepted,) = place.listener._connections.open
        (opened,) = place.engine.pool._open
        for sock in (accepted.sock, opened.sock):
            assert sock is not None
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 15


def pieces(raw: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(raw), *(place % (len(raw) + 1) for place in places)})
    return [raw[start:end] for start, end in pairwise(edges)]


REQUEST_BODY = bytes(range(256)) * 20
QUESTIONS = {
    "length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(REQUEST_BODY)
    + REQUEST_BODY,
    "chunked": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1400;a=b\r\n"
    + REQUEST_BODY
    + b"\r\n0\r\nX: 1\r\n\r\n",
}
ANSWERS = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n3\r\ncde\r\n"
    b"0\r\nX-T: 1\r\n\r\n",
    "after 103": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde",
}


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(QUESTIONS)),
    st.sampled_from(sorted(ANSWERS)),
    st.lists(st.integers(0), max_size=8),
    st.lists(st.integers(0), max_size=8),
)
def test_exchange_is_the_same_wherever_its_messages_are_cut(
    question: str, answer: str, question_cuts: list[int], answer_cuts: list[int]
) -> None:
    async def exchange() -> list[Answered]:
        bodies: list[bytes] = []

        async def serve(wire: Wire) -> None:
            while True:
                bodies.append((await wire.request()).body)
                for piece in pieces(ANSWERS[answer], answer_cuts):
                    await wire.send(piece)
                    await asyncio.sleep(0)

        async with upstream(serve) as up, site(Proxy(up.address)) as place:
            client = await place.client()
            for piece in pieces(QUESTIONS[question] * 2, question_cuts):
                await client.send(piece)
                await asyncio.sleep(0)
            answers = [await client.answer(), await client.answer()]
        assert bodies == [REQUEST_BODY, REQUEST_BODY]
        return answers

    for found in uvloop.run(exchange()):
        assert (found.status, found.body) == (200, b"abcde")
        assert found.informational == ([103] if answer == "after 103" else [])
        assert found.trailers == ([(b"x-t", b"1")] if answer == "chunked" else [])


def test_address_of_ipv6_is_bracketed_in_host() -> None:
    assert str(Address("::1", 80)) == "[::1]:80"
