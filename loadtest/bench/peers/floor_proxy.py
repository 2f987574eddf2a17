"""The least that a proxy on uvloop and httptools can do: a program of its own.

It passes bytes on as they come, and has httptools find where answers end so that it can use their
connections again. It checks, edits, limits and counts nothing, and holds nobody back.
"""

import argparse
import asyncio
from typing import Final, cast

import httptools
import uvloop

from loadtest.bench.connection import HOST

_BUFFER: Final = memoryview(bytearray(65_536))


class _Model(asyncio.BufferedProtocol):
    """A connection to the upstream; one answer at a time."""

    def __init__(self, idle: "list[_Model]") -> None:
        self.client: asyncio.Transport | None = None
        self.transport: asyncio.Transport | None = None
        self._idle = idle
        self._parser = httptools.HttpResponseParser(self)
        self._complete = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend the buffer of all connections."""
        del sizehint
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        """Pass a piece of the answer on."""
        data = bytes(_BUFFER[:nbytes])
        self._parser.feed_data(data)
        if self.client is not None and not self.client.is_closing():
            self.client.write(data)
        if self._complete:
            self._complete = False
            self._idle.append(self)

    def on_message_complete(self) -> None:
        """Notice the end of the answer (httptools)."""
        self._complete = True


class _Client(asyncio.BufferedProtocol):
    """A client's connection."""

    def __init__(self, upstream_port: int, idle: list[_Model]) -> None:
        self._upstream_port = upstream_port
        self._idle = idle
        self._parser = httptools.HttpRequestParser(self)
        self._model: _Model | None = None
        self._unsent: list[bytes] = []
        self._complete = False
        self._transport: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Close what would bring an answer that nobody waits for."""
        del error
        if self._model is not None and self._model.transport is not None:
            self._model.transport.close()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend the buffer of all connections."""
        del sizehint
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        """Pass a piece of the request on."""
        data = bytes(_BUFFER[:nbytes])
        self._parser.feed_data(data)
        if self._model is None and self._idle:
            self._model = self._idle.pop()
            self._model.client = self._transport
        if self._model is not None and self._model.transport is not None:
            self._model.transport.write(data)
            self._let_go()
        else:
            self._unsent.append(data)
            if self._connecting is None:
                self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def on_message_complete(self) -> None:
        """Notice the end of the request (httptools)."""
        self._complete = True

    def _let_go(self) -> None:
        if self._complete:
            self._complete = False
            self._model = None

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, model = await loop.create_connection(
            lambda: _Model(self._idle), HOST, self._upstream_port
        )
        model.client = self._transport
        if model.transport is not None:
            model.transport.write(b"".join(self._unsent))
        self._unsent.clear()
        self._connecting = None
        self._model = model
        self._let_go()


async def _serve(port: int, upstream_port: int) -> None:
    idle: list[_Model] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Client(upstream_port, idle), HOST, port, backlog=4096
    )
    await server.serve_forever()


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("upstream_port", type=int)
    options = parser.parse_args()
    uvloop.run(_serve(options.port, options.upstream_port))


if __name__ == "__main__":
    main()
