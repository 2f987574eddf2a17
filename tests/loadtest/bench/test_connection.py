import asyncio

import pytest

from loadtest.bench import connection
from loadtest.bench.connection import HOST, NoAnswerError, ask, free_port, until_ready

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


async def ask_for(answer: bytes) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(say, HOST, 0) as server:
        writer = await ask(server.sockets[0].getsockname()[1])
        writer.close()
        await writer.wait_closed()


async def test_whole_answer_is_taken() -> None:
    await ask_for(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", id="status"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", id="cut-short"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="no-length"),
        pytest.param(b"", id="nothing"),
    ],
)
async def test_other_answers_are_none(answer: bytes) -> None:
    with pytest.raises(NoAnswerError):
        await ask_for(answer)


async def test_waiting_for_nobody_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "READY_WITHIN_S", 0.1)
    with pytest.raises(TimeoutError):
        await until_ready(free_port())
