"""The health call against gRPC's own server, and against servers that misbehave."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from queueproxy.grpc_health import is_serving
from servingkit.core.revision import Address

pytestmark = pytest.mark.asyncio

grpc = pytest.importorskip("grpc")
HOST = "127.0.0.1"

ANSWERS = {b"": b"\x08\x01", b"\x0a\x04iris": b"\x08\x01", b"\x0a\x04rose": b"\x08\x02"}
"""What the server says: it serves, iris serves, rose does not."""


def check(request: bytes, context: SimpleNamespace) -> bytes:
    if request not in ANSWERS:
        context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
    return ANSWERS[request]


@pytest.fixture
def server() -> Iterator[Address]:
    with ThreadPoolExecutor(2) as threads:
        server = grpc.server(threads)
        handlers = {"Check": grpc.unary_unary_rpc_method_handler(check)}
        service = grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers)
        server.add_generic_rpc_handlers((service,))
        port = server.add_insecure_port(f"{HOST}:0")
        server.start()
        yield Address(HOST, port)
        server.stop(None).wait()


@pytest.mark.parametrize(
    ("service", "serves"), [("", True), ("iris", True), ("rose", False), ("violet", False)]
)
async def test_grpcs_own_server_is_understood(server: Address, service: str, serves: bool) -> None:
    async with asyncio.timeout(60):
        assert await is_serving(server, service) is serves


async def test_server_without_the_health_service_does_not_serve() -> None:
    with ThreadPoolExecutor(1) as threads:
        server = grpc.server(threads)
        port = server.add_insecure_port(f"{HOST}:0")
        server.start()
        async with asyncio.timeout(60):
            assert not await is_serving(Address(HOST, port), "")
        server.stop(None).wait()


@asynccontextmanager
async def saying(words: bytes) -> AsyncIterator[Address]:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"grpc.health.v1.Health/Check")
        writer.write(words)
        writer.close()

    server = await asyncio.start_server(speak, HOST, 0)
    async with server:
        yield Address(HOST, server.sockets[0].getsockname()[1])


SERVING = b"\x00\x00\x00\x00\x02\x08\x01"


@pytest.mark.parametrize(
    ("words", "serves"),
    [
        pytest.param(b"\x00\x00\x07\x00\x01\x00\x00\x00\x01" + SERVING, True, id="one frame"),
        pytest.param(
            b"\x00\x00\x03\x00\x00\x00\x00\x00\x01" + SERVING[:3]
            + b"\x00\x00\x07\x00\x09\x00\x00\x00\x01\x02" + SERVING[3:] + b"\x00\x00",
            True,
            id="two frames, the second padded",
        ),
        pytest.param(b"\x00\x00\x04\x03\x00\x00\x00\x00\x01\x00\x00\x00\x07", False, id="reset"),
        pytest.param(b"\x00\x00\x00\x01\x05\x00\x00\x00\x01", False, id="trailers alone"),
        pytest.param(b"\x00\x00\x00\x00\x09\x00\x00\x00\x01", False, id="padding without length"),
        pytest.param(b"\xff\xff\xff\x00\x00\x00\x00\x00\x01", False, id="frame over the limit"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", False, id="HTTP/1.1"),
        pytest.param(b"\x00\x00\x07\x00\x01\x00\x00\x00\x01\x00\x00", False, id="broken off"),
        pytest.param(b"", False, id="nothing"),
    ],
)  # fmt: skip
async def test_what_other_servers_say(words: bytes, serves: bool) -> None:
    async with saying(words) as address, asyncio.timeout(60):
        assert await is_serving(address, "") is serves


async def test_nobody_listens() -> None:
    async with saying(b"") as address:
        pass
    assert not await is_serving(address, "")
