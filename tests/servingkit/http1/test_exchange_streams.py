"""Answers that the program begins while it holds, added fields, and attempts that are withdrawn."""

from collections.abc import Awaitable, Callable

import pytest

from servingkit.http1.exchange import Exchange
from servingkit.http1.watcher import TimeLimits
from tests.polling import until
from tests.servingkit.http1.peers import Proxy, Recorder, Wire, site, upstream

pytestmark = pytest.mark.asyncio

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
EVENTS = ((b"Content-Type", b"text/event-stream"),)


class Holder:
    """Holds everything; a test does the rest."""

    def __init__(self) -> None:
        self.seen: list[Recorder] = []

    def __call__(self, exchange: Exchange) -> None:
        self.seen.append(Recorder(exchange))

    @property
    def exchange(self) -> Exchange:
        return self.seen[-1].exchange

    @property
    def events(self) -> list[str]:
        return self.seen[-1].events


def answering(raw: bytes) -> Callable[[Wire], Awaitable[None]]:
    async def serve(wire: Wire) -> None:
        while True:
            await wire.request()
            await wire.send(raw)

    return serve


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\ndata: \r\n0\r\n\r\n",
            id="chunked",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ndata: ", id="length"),
        pytest.param(
            b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ndata: ",
            id="informational first",
        ),
    ],
)
async def test_a_stream_begun_while_held_goes_on_with_the_upstreams_body(raw: bytes) -> None:
    holder = Holder()
    async with upstream(answering(raw)) as up, site(holder) as place:
        client = await place.client()
        for _ in range(2):  # and the connection serves another exchange
            await client.send(GET)
            await until(lambda: holder.seen and not holder.exchange.ended)
            assert holder.exchange.begin_stream(EVENTS)
            holder.exchange.send(b": wait\n\n")
            assert b"text/event-stream" in await client.until(b"\r\n\r\n")
            assert await client.until(b"\n\n\r\n") == b"8\r\n: wait\n\n\r\n"
            holder.exchange.forward(up.address)
            assert (await client.until(b"0\r\n\r\n")).replace(b"\r\n", b"") == b"6data: 0"
            await until(lambda: holder.events[-1] == "ended answered 200")


async def test_after_a_stream_was_begun_an_answer_can_only_be_a_reset() -> None:
    holder = Holder()
    async with site(holder) as place:
        client = await place.client()
        await client.send(GET)
        await until(lambda: holder.seen)
        holder.exchange.begin_stream(EVENTS)
        await client.until(b"\r\n\r\n")
        holder.exchange.answer(503, (), b"no pod\n")
        with pytest.raises(ConnectionResetError):
            await client.rest()
        assert holder.events == ["ended stopped 200"]


async def test_an_upstream_that_fails_behind_a_begun_stream_resets_it() -> None:
    raw = b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops"
    holder = Holder()
    async with upstream(answering(raw)) as up, site(holder) as place:
        client = await place.client()
        await client.send(GET)
        await until(lambda: holder.seen)
        holder.exchange.begin_stream(EVENTS)
        holder.exchange.forward(up.address)
        with pytest.raises(ConnectionResetError):
            await client.rest()
        assert holder.events[-2:] == ["upstream_done", "ended upstream-broken 200"]


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n", id="1.0 knows no chunks"),
        pytest.param(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", id="HEAD has no body"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na", id="body may wait for 100"
        ),
    ],
)
async def test_no_stream_is_begun_for_a_client_that_cannot_take_it(question: bytes) -> None:
    holder = Holder()
    async with site(holder) as place:
        client = await place.client()
        await client.send(question)
        await until(lambda: holder.seen)
        assert not holder.exchange.begin_stream(EVENTS)
        holder.exchange.answer(503)
        assert (await client.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 503")


async def test_an_answer_gets_the_fields_that_the_program_adds() -> None:
    class Adding(Proxy):
        def __call__(self, exchange: Exchange) -> None:
            exchange.answer_added = ((b"Server-Timing", b"held;dur=1.0"),)
            super().__call__(exchange)

    raw = b"HTTP/1.1 200 OK\r\nServer-Timing: model;dur=2\r\nContent-Length: 0\r\n\r\n"
    async with upstream(answering(raw)) as up, site(Adding(up.address)) as place:
        client = await place.client()
        await client.send(GET)
        answer = await client.answer()
        timing = [value for name, value in answer.headers if name == b"server-timing"]
        assert timing == [b"model;dur=2", b"held;dur=1.0"]


async def test_a_withdrawn_attempt_can_be_made_elsewhere() -> None:
    async def silence(wire: Wire) -> None:
        await wire.rest()

    class Impatient(Recorder):
        def timed_out(self) -> None:
            self.exchange.withdraw()
            self.exchange.forward(other.address)

    def service(exchange: Exchange) -> None:
        seen.append(Impatient(exchange))
        exchange.limit_time(TimeLimits(response_start_s=0.1))
        exchange.forward(hung.address)

    seen: list[Impatient] = []
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    async with upstream(silence) as hung, upstream(answering(raw)) as other, site(service) as place:
        client = await place.client()
        await client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        assert (await client.answer()).body == b"hi"
        assert seen[0].events == [
            "upstream_done",
            "answer_started 200",
            "upstream_done",
            "ended answered 200",
        ]
        await until(lambda: hung.over == 1)
