"""WebSockets between the library's own client and server, through activator and sidecar."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import Server, serve
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from tests.integration.activator_before import activator_before
from tests.integration.programs import (
    RunningSidecar,
    process,
    sidecar,
    takes_connections,
    wait_until,
)
from tests.integration.websocket_model import CLOSE, PING, echo
from tests.polling import until
from tests.ports import free_port

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

MIB = 1024 * 1024
HOST = "127.0.0.1"
MODEL_PORT = free_port()


@pytest.fixture(scope="module")
def wide() -> Iterator[RunningSidecar]:
    with sidecar(MODEL_PORT, container_concurrency=64) as running:
        yield running


@pytest.fixture(scope="module")
def narrow() -> Iterator[RunningSidecar]:
    with sidecar(MODEL_PORT, container_concurrency=1) as running:
        yield running


@asynccontextmanager
async def chat(proxy: RunningSidecar) -> AsyncIterator[tuple[str, Server]]:
    """Run the model and an activator; yields where to connect, and the model's server."""
    async with (
        serve(echo, HOST, MODEL_PORT, compression=None, max_queue=1) as server,
        activator_before(proxy) as address,
    ):
        yield f"ws://{address}/chat", server


def client(url: str) -> connect:
    return connect(url, proxy=None, compression=None, max_queue=1)


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_text_and_binary_come_back_as_they_were(
    wide: RunningSidecar, compression: str | None
) -> None:
    messages: list[str | bytes] = [
        "",
        "caf\u00e9 \u2603",
        "x" * 100_000,
        b"",
        bytes(range(256)),
        b"\0" * 70_000,
    ]
    async with (
        serve(echo, HOST, MODEL_PORT),
        activator_before(wide) as address,
        connect(f"ws://{address}", proxy=None, compression=compression) as connection,
    ):
        for message in messages:
            await connection.send(message)
            assert await connection.recv() == message
        extensions = connection.protocol.extensions
        assert [extension.name for extension in extensions] == (
            ["permessage-deflate"] if compression else []
        )


async def test_large_messages_wait_for_a_client_that_does_not_read(wide: RunningSidecar) -> None:
    messages = [
        bytes([number]) * MIB for number in range(200)
    ]  # more than kernels buffer on the way
    sent = 0
    async with chat(wide) as (url, _), client(url) as connection:

        async def send_all() -> None:
            nonlocal sent
            for message in messages:
                await connection.send(message)
                sent += 1

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send_all())
            before = -1
            while before != sent or not sent:  # until all buffers on the way are full
                before = sent
                await asyncio.sleep(0.2)
            assert 0 < sent < len(messages)
            for message in messages:
                assert await connection.recv() == message


async def test_pings_are_answered_by_the_other_end_on_both_sides(wide: RunningSidecar) -> None:
    async with chat(wide) as (url, _), client(url) as connection:
        async with asyncio.timeout(60):
            await (await connection.ping())
            await connection.send(PING)
            assert await connection.recv() == PING


async def test_close_of_the_client_reaches_the_model_with_its_code(wide: RunningSidecar) -> None:
    async with chat(wide) as (url, server), client(url) as connection:
        await connection.send("a")
        await connection.recv()
        (other_end,) = server.connections
        await connection.close(4000, "enough")
        await other_end.wait_closed()
        assert (other_end.close_code, other_end.close_reason) == (4000, "enough")
        assert (connection.close_code, connection.close_reason) == (4000, "enough")


async def test_close_of_the_model_reaches_the_client_with_its_code(wide: RunningSidecar) -> None:
    async with chat(wide) as (url, _), client(url) as connection:
        await connection.send(CLOSE)
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "as you wish")


async def test_fifty_talk_at_once(wide: RunningSidecar) -> None:
    async def talk(url: str, number: int) -> None:
        async with client(url) as connection:
            for turn in range(20):
                await connection.send(f"{number} {turn}")
                assert await connection.recv() == f"{number} {turn}"

    async with chat(wide) as (url, _), asyncio.TaskGroup() as tasks:
        for number in range(50):
            tasks.create_task(talk(url, number))
    await until(lambda: wide.metric("inflight_requests_in_flight") == 0)


async def test_killed_model_closes_its_clients_abnormally(wide: RunningSidecar) -> None:
    environ = {"PORT": str(MODEL_PORT)}
    with process("tests.integration.websocket_model", environ=environ) as model:
        wait_until(lambda: takes_connections(MODEL_PORT), "the model listens")
        async with (
            activator_before(wide) as address,
            client(f"ws://{address}") as connection,
        ):
            await connection.send("a")
            assert await connection.recv() == "a"
            model.send_signal(signal.SIGKILL)
            with pytest.raises(ConnectionClosedError) as closed:
                await connection.recv()
            assert closed.value.rcvd is None  # no close frame: 1006 in other libraries
            await until(lambda: wide.metric("inflight_requests_in_flight") == 0)


@pytest.mark.parametrize("vanishes", [False, True], ids=["closes", "vanishes"])
async def test_websocket_holds_one_slot_until_it_is_over(
    narrow: RunningSidecar, *, vanishes: bool
) -> None:
    async with chat(narrow) as (url, server):
        first = await client(url)
        second = asyncio.ensure_future(client(url).__aenter__())
        await asyncio.sleep(0.3)
        assert not second.done()
        assert len(server.connections) == 1
        assert narrow.metric("inflight_requests_in_flight") == 1
        if vanishes:
            first.transport.abort()
        else:
            await first.close()
        connection = await asyncio.wait_for(second, 60)
        await connection.send("b")
        assert await connection.recv() == "b"
        await connection.close()
    await until(lambda: narrow.metric("inflight_requests_in_flight") == 0)
