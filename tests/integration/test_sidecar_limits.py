"""Time limits and the limit on concurrency, before a model that follows a script."""

import asyncio
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.integration.activator_before import activator_before
from tests.integration.programs import RunningSidecar, sidecar
from tests.polling import until
from tests.servingkit.http1.peers import Answered, Wire, connect, upstream

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

Script = Callable[[Wire], Awaitable[None]]

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
WEBSOCKET = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

DURATION = {"REVISION_TIMEOUT_SECONDS": "2"}
START = {"REVISION_RESPONSE_START_TIMEOUT_SECONDS": "1.5"}
IDLE = {"REVISION_IDLE_TIMEOUT_SECONDS": "1.5"}

PAUSE_S = 0.25
"""Far shorter than the idle limit."""


@asynccontextmanager
async def before(
    script: Script, environ: dict[str, str], concurrency: int = 0
) -> AsyncIterator[tuple[RunningSidecar, Wire]]:
    async with upstream(script) as model:
        port = model.address.port
        with sidecar(port, container_concurrency=concurrency, output=None, **environ) as proxy:
            client = await connect(proxy.serving_port)
            yield proxy, client
            await client.abandon()


async def say_nothing(wire: Wire) -> None:
    await wire.request()
    await wire.rest()


async def begin(wire: Wire) -> None:
    await wire.request()
    await wire.send(HEAD + b"3\r\nfoo\r\n")
    await wire.rest()


async def dribble(wire: Wire) -> None:
    await wire.request()
    await wire.send(HEAD)
    for _ in range(10):
        await wire.send(b"1\r\nx\r\n")
        await asyncio.sleep(PAUSE_S)
    await wire.send(b"0\r\n\r\n")


def said_why(answer: Answered) -> bool:
    return (answer.status, answer.header(b"inflight-reason"), answer.body) == (
        504,
        b"upstream-timeout",
        b"request timeout\n",
    )


@pytest.mark.parametrize("limit", [DURATION, START, IDLE], ids=["duration", "start", "idle"])
async def test_before_the_first_byte_each_limit_is_a_504(limit: dict[str, str]) -> None:
    async with before(say_nothing, limit) as (proxy, client):
        await client.send(GET)
        assert said_why(await client.answer())
        assert proxy.metric('inflight_requests_total{code="504"}') == 1


@pytest.mark.parametrize("limit", [DURATION, IDLE], ids=["duration", "idle"])
async def test_after_the_first_byte_the_connection_is_aborted(
    limit: dict[str, str],
) -> None:
    async with before(begin, limit) as (_, client):
        await client.send(GET)
        assert (await client.until(b"foo\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
        with pytest.raises(ConnectionResetError):
            await client.rest()


@pytest.mark.parametrize("limit", [START, IDLE], ids=["start", "idle"])
async def test_stream_that_goes_on_is_cut_by_neither(limit: dict[str, str]) -> None:
    async with before(dribble, limit) as (_, client):
        await client.send(GET)
        assert (await client.answer()).body == b"x" * 10


async def test_stream_that_goes_on_is_cut_by_the_whole_duration() -> None:
    async with before(dribble, DURATION) as (_, client):
        await client.send(GET)
        with pytest.raises(ConnectionResetError):
            await client.answer()


async def echo(wire: Wire) -> None:
    await wire.until(b"\r\n\r\n")
    await wire.send(SWITCH)
    while data := await wire.reader.read(65_536):
        await wire.send(data)


async def swallow(wire: Wire) -> None:
    await wire.until(b"\r\n\r\n")
    await wire.send(SWITCH)
    await wire.rest()


async def talk(wire: Wire) -> None:
    await wire.until(b"\r\n\r\n")
    await wire.send(SWITCH)
    while True:
        await wire.send(b"more")
        await asyncio.sleep(PAUSE_S)


async def test_websocket_outlives_all_limits_but_the_idle_one() -> None:
    async with before(echo, DURATION | START) as (_, client):
        await client.send(WEBSOCKET)
        await client.until(b"\r\n\r\n")
        await asyncio.sleep(2.5)  # longer than either limit
        await client.send(b"still there?")
        await client.until(b"still there?")


async def test_idle_websocket_is_aborted() -> None:
    async with before(echo, IDLE) as (proxy, client):
        await client.send(WEBSOCKET)
        await client.until(b"\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            await client.rest()
        assert proxy.metric("inflight_requests_in_flight") == 0


@pytest.mark.parametrize("model", [swallow, talk], ids=["to the model", "to the client"])
async def test_bytes_of_a_websocket_count_in_either_direction(model: Script) -> None:
    async with before(model, IDLE) as (_, client):
        await client.send(WEBSOCKET)
        await client.until(b"\r\n\r\n")
        for _ in range(10):
            if model is swallow:
                await client.send(b"more")
            else:
                await client.until(b"more")
            await asyncio.sleep(PAUSE_S)
        assert not client.reader.at_eof()


QUEUE = {"INFLIGHT_QUEUE_TIMEOUT_SECONDS": "0.4"}


async def test_request_that_waits_too_long_for_a_slot_is_refused() -> None:
    async with before(say_nothing, QUEUE, concurrency=1) as (proxy, running):
        await running.send(GET)
        waiting = await connect(proxy.serving_port)
        await until(lambda: proxy.metric("inflight_requests_in_flight") == 1)
        await waiting.send(GET)
        answer = await waiting.answer()
        assert (answer.status, answer.header(b"inflight-reason")) == (
            503,
            b"queue-timeout",
        )
        assert answer.header(b"retry-after") == b"1"
        # The one that runs is not meant: it goes on.
        assert proxy.metric("inflight_requests_in_flight") == 1
        assert proxy.metric("inflight_requests_queued") == 0
        waiting.close()


async def test_limit_can_be_changed_while_requests_wait() -> None:
    arrived = asyncio.Semaphore(0)

    async def model(wire: Wire) -> None:
        await wire.request()
        arrived.release()
        await wire.rest()

    async with before(model, {}, concurrency=1) as (proxy, first):
        others = [await connect(proxy.serving_port) for _ in range(3)]
        for client in (first, *others):
            await client.send(GET)
        await until(lambda: proxy.metric("inflight_requests_queued") == 3)
        assert proxy.order("/container-concurrency").text == "1\n"
        assert proxy.order("/container-concurrency?limit=3", "PUT").text == "3\n"
        async with asyncio.timeout(60):
            for _ in range(3):
                await arrived.acquire()
        assert proxy.metric("inflight_requests_queued") == 1
        assert proxy.metric("inflight_container_concurrency") == 3
        for client in others:
            await client.abandon()


@pytest.mark.parametrize(
    ("method", "query", "status"),
    [
        ("GET", "?limit=3", 405),
        ("PUT", "?limit=-1", 400),
        ("PUT", "?limit=x", 400),
        ("PUT", f"?limit={'9' * 5000}", 400),
    ],
    ids=["GET", "negative", "no number", "thousands of digits"],
)
async def test_no_other_order_changes_the_limit(method: str, query: str, status: int) -> None:
    async with before(say_nothing, {}, concurrency=1) as (proxy, _):
        assert proxy.order(f"/container-concurrency{query}", method).status_code == status
        assert proxy.order("/container-concurrency").text == "1\n"


async def test_the_limit_on_open_files_is_raised_as_far_as_it_may_be() -> None:
    usual, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most // 2, most))
    try:
        async with before(say_nothing, {}) as (proxy, _):
            raised = resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (usual, most))
    assert raised == (most, most)


SMALL = {"INFLIGHT_MAX_BODY_BYTES": "8"}
POST = b"POST / HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n"


def said_too_large(answer: Answered) -> bool:
    reason = answer.header(b"inflight-reason")
    return (answer.status, reason, answer.body) == (
        413,
        b"body-too-large",
        b"request body over 8 bytes\n",
    )


@pytest.mark.parametrize(
    "fields",
    [b"Content-Length: 9", b"Content-Length: 9\r\nExpect: 100-continue"],
    ids=["length", "expect"],
)
async def test_body_that_is_announced_too_large_is_refused_before_the_model_hears_of_it(
    fields: bytes,
) -> None:
    async with before(say_nothing, SMALL) as (proxy, client):
        await client.send(POST % fields)
        answer = await client.answer()
        assert said_too_large(answer)
        assert answer.informational == []
        assert await client.rest() == b""
        assert proxy.metric('inflight_upstream_connections{state="active"}') == 0


async def test_body_that_turns_out_too_large_is_refused_and_the_model_cut_off() -> None:
    cut_off = asyncio.Event()

    async def model(wire: Wire) -> None:
        await wire.until(b"5\r\nabcde\r\n")
        await wire.rest()
        cut_off.set()

    async with before(model, SMALL, concurrency=1) as (proxy, client):
        await client.send(POST % b"Transfer-Encoding: chunked" + b"5\r\nabcde\r\n")
        await until(lambda: proxy.metric("inflight_requests_in_flight") == 1)
        await client.send(b"4\r\nabcd\r\n")
        assert said_too_large(await client.answer())
        assert await client.rest() == b""
        async with asyncio.timeout(60):
            await cut_off.wait()
        assert proxy.metric('inflight_requests_total{code="413"}') == 1
        assert proxy.metric("inflight_requests_in_flight") == 0


async def test_body_of_just_the_limit_passes() -> None:
    async def model(wire: Wire) -> None:
        body = (await wire.request()).body
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    async with before(model, SMALL) as (_, client):
        await client.send(POST % b"Content-Length: 8" + b"abcdefgh")
        assert (await client.answer()).body == b"abcdefgh"


async def test_time_for_a_head_and_between_requests_can_be_set() -> None:
    times = {"INFLIGHT_HEAD_TIMEOUT_SECONDS": "0.3", "INFLIGHT_KEEP_ALIVE_SECONDS": "0.3"}
    async with before(say_nothing, times) as (proxy, client):
        await client.send(b"GET / HTTP/1.1\r\n")
        assert (await client.answer()).status == 408
        idle = await connect(proxy.serving_port)
        await idle.send(b"GET / HTTP/1.1\r\nHost: a\r\nK-Network-Probe: probe\r\n")
        await idle.send(b"K-Network-Hash: 7\r\n\r\n")
        assert (await idle.answer()).status == 200
        assert await idle.rest() == b""
        idle.close()


async def test_what_an_activator_takes_is_not_too_much_for_the_sidecar() -> None:
    async def model(wire: Wire) -> None:
        seen = b""
        while not seen.endswith(b"\r\n\r\n"):  # h11 takes neither so many fields nor such a head
            data = await wire.reader.read(65_536)
            if not data:
                return  # a probe
            seen += data
        await wire.send(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    line = b"GET / HTTP/1.1\r\nHost: a\r\n"
    most_fields = line + b"".join(b"X-%d: y\r\n" % number for number in range(127)) + b"\r\n"
    longest = line + b"X: " + b"y" * (65_536 - len(line) - 7) + b"\r\n\r\n"
    async with before(model, {}) as (proxy, _), activator_before(proxy) as address:
        for raw in (most_fields, longest):
            client = await connect(address.port)
            await client.send(raw)
            assert (await client.answer()).status == 204
            await client.abandon()
        for raw in (
            most_fields.replace(b"\r\n\r\n", b"\r\nZ: z\r\n\r\n"),
            longest.replace(b"X: y", b"X: yy"),
        ):
            client = await connect(address.port)
            await client.send(raw)
            assert (await client.answer()).status == 431
            await client.abandon()
