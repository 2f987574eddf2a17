"""Connections of our own to a proxy: to see that it serves, and to hold some idle."""

import asyncio
import socket
from typing import Final

HOST: Final = "127.0.0.1"
READY_WITHIN_S: Final = 15.0
_TRY_AGAIN_AFTER_S: Final = 0.02
_REQUEST: Final = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"


class NoAnswerError(Exception):
    """What came back was not a whole answer with status 200."""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody had a moment ago."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


async def ask(port: int) -> asyncio.StreamWriter:
    """Send one request and read its answer; return the connection, still open.

    Raises OSError when there is no connection, NoAnswerError when there is no good answer.
    """
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(_REQUEST)
        await _read_answer(reader)
    except BaseException:
        writer.close()
        raise
    return writer


async def _read_answer(reader: asyncio.StreamReader) -> None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200 "):
            raise NoAnswerError(head.decode(errors="replace"))
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
    except (asyncio.IncompleteReadError, ValueError) as error:
        raise NoAnswerError(str(error)) from error


async def until_ready(port: int) -> None:
    """Wait until a request to this port is answered. Raises TimeoutError."""
    async with asyncio.timeout(READY_WITHIN_S):
        while True:
            try:
                connection = await ask(port)
            except (OSError, NoAnswerError):
                await asyncio.sleep(_TRY_AGAIN_AFTER_S)
            else:
                connection.close()
                return
