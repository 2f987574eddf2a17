"""The public endpoint over real sockets: connections are pinned, ends passed on as they came."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from inflight.local.public_endpoint import PublicEndpoint
from servingkit.core.revision import Address
from tests.polling import until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

HOST = "127.0.0.1"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def backend(serve: Serve) -> AsyncIterator[Address]:
    async def serve_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve_and_close, HOST, 0)
    try:
        yield Address(HOST, server.sockets[0].getsockname()[1])
    finally:
        server.close()


def says(word: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            writer.write(word + b"\n")

    return serve


@asynccontextmanager
async def endpoint(
    *backends: Address, lag_s: float = 0
) -> AsyncIterator[tuple[PublicEndpoint, int]]:
    public = PublicEndpoint(backends, lag_s)
    async with asyncio.TaskGroup() as connects:
        port = await public.serve(Address(HOST, 0), connects)
        yield public, port
        public.stop_accepting()
        public.reset_all()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(b"who\n")
    return (await reader.readline()).strip()


async def test_connection_stays_with_its_backend_when_backends_change() -> None:
    async with (
        backend(says(b"one")) as one,
        backend(says(b"two")) as two,
        endpoint(one) as (public, port),
    ):
        old = await asyncio.open_connection(HOST, port)
        assert await ask(*old) == b"one"
        public.follow([two])
        new = await asyncio.open_connection(HOST, port)
        assert await ask(*new) == b"two"
        assert await ask(*old) == b"one"
        for _, writer in (old, new):
            writer.close()


async def test_connections_spread_over_all_backends() -> None:
    async with (
        backend(says(b"one")) as one,
        backend(says(b"two")) as two,
        endpoint(one, two) as (_, port),
    ):
        seen = set()
        for _ in range(40):
            reader, writer = await asyncio.open_connection(HOST, port)
            seen.add(await ask(reader, writer))
            writer.close()
        assert seen == {b"one", b"two"}


async def test_change_of_backends_takes_effect_after_the_lag() -> None:
    async with (
        backend(says(b"one")) as one,
        backend(says(b"two")) as two,
        endpoint(one, lag_s=1.0) as (public, port),
    ):
        public.follow([two])
        words = []
        async with asyncio.timeout(60):
            while b"two" not in words:
                reader, writer = await asyncio.open_connection(HOST, port)
                words.append(await ask(reader, writer))
                writer.close()
                await asyncio.sleep(0.01)
        assert words[0] == b"one"


async def test_half_closed_connection_still_gets_its_answer() -> None:
    async def answer_at_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"%d bytes" % len(await reader.read()))

    async with backend(answer_at_the_end) as address, endpoint(address) as (_, port):
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"x" * 1000)
        writer.write_eof()
        assert await reader.read() == b"1000 bytes"
        writer.close()


async def test_reset_by_the_backend_reaches_the_client_as_a_reset() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with backend(reset) as address, endpoint(address) as (_, port):
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"who\n")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_reset_by_the_client_reaches_the_backend_as_a_reset() -> None:
    ends: list[BaseException | None] = []

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        try:
            await reader.read()
            ends.append(None)
        except ConnectionResetError as error:
            ends.append(error)

    async with backend(wait) as address, endpoint(address) as (_, port):
        reader, writer = await asyncio.open_connection(HOST, port)
        await reader.readline()
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        await until(lambda: ends)
        assert isinstance(ends[0], ConnectionResetError)


async def test_client_of_a_dead_backend_is_reset() -> None:
    async with backend(says(b"one")) as address:
        pass
    async with endpoint(address) as (_, port):
        reader, writer = await asyncio.open_connection(HOST, port)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_slow_reader_holds_back_the_sender() -> None:
    sent = 0

    async def send_much(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readline()
        for _ in range(1000):
            writer.write(b"x" * 64 * 1024)
            await writer.drain()
            sent += 64 * 1024

    async with backend(send_much) as address, endpoint(address) as (_, port):
        reader, writer = await asyncio.open_connection(HOST, port, limit=1024)
        writer.write(b"go\n")
        before = -1
        async with asyncio.timeout(60):
            while before != sent or not sent:
                before = sent
                await asyncio.sleep(0.3)
        assert 0 < sent < 40_000_000  # what socket buffers take, and no more
        received = 0
        while data := await reader.read(1 << 20):
            received += len(data)
        assert received == 1000 * 64 * 1024
        writer.close()
