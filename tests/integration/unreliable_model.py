"""A model that answers as the target says, well or badly, and can be killed and started again."""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256
from urllib.parse import parse_qs

import h11

from tests.servingkit.http1.peers import HOST, Asked, Wire

MUCH_BYTES = 3_000_000

_SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
_EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nEVIL!"
_TOO_LARGE = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"


def right_answer(target: bytes, body: bytes) -> bytes:
    """What `/right/…` answers: it proves which request was meant, and that all of it came."""
    return target + b" " + sha256(body).hexdigest().encode()


async def right(wire: Wire, asked: Asked) -> None:
    """Answer after `s` seconds, in chunks if `chunked`."""
    settings = parse_qs(asked.target.partition(b"?")[2].decode())
    await asyncio.sleep(float(settings.get("s", ["0"])[0]))
    body = right_answer(asked.target, asked.body)
    if "chunked" in settings:
        await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (body[:10], body[10:]):
            await wire.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            await asyncio.sleep(0.001)
        await wire.send(b"0\r\n\r\n")
    else:
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


async def drop(wire: Wire, _: Asked) -> None:
    """Break off in the middle."""
    await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
    await wire.abandon()


async def vanish(wire: Wire, _: Asked) -> None:
    """Say nothing and reset."""
    wire.reset()


async def surplus(wire: Wire, _: Asked) -> None:
    """Say more than was asked for."""
    await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + _EVIL)


async def garbage(wire: Wire, _: Asked) -> None:
    """Say what is not HTTP."""
    await wire.send(b"\x00\x01\x02 what?\r\n\r\n")


async def much(wire: Wire, _: Asked) -> None:
    """Say much."""
    await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MUCH_BYTES)
    await wire.send(bytes(MUCH_BYTES))


async def until_close(wire: Wire, _: Asked) -> None:
    """Let the answer end with the connection."""
    await wire.send(b"HTTP/1.1 200 OK\r\n\r\nend")
    wire.writer.close()


async def tunnel(wire: Wire, _: Asked) -> None:
    """Echo until the other side closes."""
    await wire.send(_SWITCH)
    while data := await wire.reader.read(65_536):
        await wire.send(data)
    raise ConnectionAbortedError


BEHAVIOURS: dict[bytes, Callable[[Wire, Asked], Awaitable[None]]] = {
    b"right": right,
    b"drop": drop,
    b"vanish": vanish,
    b"surplus": surplus,
    b"garbage": garbage,
    b"much": much,
    b"until-close": until_close,
    b"tunnel": tunnel,
}


class UnreliableModel:
    """One model on a port of its own."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._server: asyncio.Server | None = None
        self.wires: set[Wire] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, self.port)

    def kill(self) -> None:
        """Take no connections, and reset those that there are."""
        if self._server is not None:
            self._server.close()
        for wire in self.wires:
            wire.reset()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.wires.add(wire := Wire(reader, writer))
        try:
            while True:
                await self._answer(wire)
        except (ConnectionError, h11.RemoteProtocolError, AssertionError):
            pass  # either side may break off wherever it likes
        finally:
            self.wires.discard(wire)
            await wire.abandon()

    async def _answer(self, wire: Wire) -> None:
        head = await wire.until(b"\r\n\r\n")
        target = head.split(b" ")[1]
        if target.startswith(b"/early"):
            await wire.send(_TOO_LARGE)
            raise ConnectionAbortedError
        wire.put_back(head)
        await BEHAVIOURS.get(target.strip(b"/").partition(b"/")[0], right)(
            wire, await wire.request()
        )
