"""One exchange: what passes, what its program may get wrong, and what stays of it."""

import gc
import weakref

import pytest

from servingkit.core.revision import Address
from servingkit.http1.core.message import AnswerHead
from servingkit.http1.exchange import Exchange
from servingkit.http1.watcher import AttemptFailure, Edits
from tests.polling import until
from tests.ports import free_port
from tests.servingkit.http1.peers import HOST, Proxy, Recorder, Wire, site, upstream
from tests.servingkit.http1.scripts import GET, HEAD, POST, echo

pytestmark = pytest.mark.asyncio


# --- what passes ----------------------------------------------------------------------------------


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


# --- bugs of programs -----------------------------------------------------------------------------


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
        exchange.forward(
            Address(HOST, free_port()) if exchange.request.method == b"POST" else up.address
        )

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


# --- memory ---------------------------------------------------------------------------------------


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
