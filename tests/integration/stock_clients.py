"""HTTP clients that people use, as they come, behind one small face."""

import asyncio
import http.client
import io
import subprocess
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import aiohttp
import httpx
import requests

from tests.polling import PATIENCE_S


class Question(NamedTuple):
    """What to ask; a chunked body is given in pieces, so that its length is unknown."""

    method: str
    url: str
    headers: Mapping[str, str] = {}
    body: bytes = b""
    chunked: bool = False

    @property
    def pieces(self) -> Iterator[bytes]:
        return (self.body[at : at + 50_000] for at in range(0, len(self.body), 50_000))


class Answer(NamedTuple):
    """What a client got; names in small letters, the body as it was on the wire."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for found, value in self.headers if found == name]


class StockClient(ABC):
    """A client with what it keeps between requests. Follows nothing and decodes nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""

    @abstractmethod
    def ask(self, question: Question) -> Answer:
        """Ask once."""

    def get_thrice(self, url: str) -> list[bytes]:
        """Return the bodies of three GETs in a row."""
        return [self.ask(Question("GET", url)).body for _ in range(3)]


class HttpClient(StockClient):
    """http.client of the standard library."""

    def __init__(self) -> None:
        self._connections: dict[str, http.client.HTTPConnection] = {}

    def ask(self, question: Question) -> Answer:
        parts = urlsplit(question.url)
        connection = self._connections.setdefault(
            parts.netloc, http.client.HTTPConnection(parts.netloc, timeout=PATIENCE_S)
        )
        body = question.pieces if question.chunked else question.body or None
        connection.request(question.method, parts.path, body, dict(question.headers))
        answer = connection.getresponse()
        return Answer(answer.status, lowered(answer.getheaders()), answer.read())

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()


class Requests(StockClient):
    """requests, with its session."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False

    def ask(self, question: Question) -> Answer:
        method, url, headers, body, chunked = question
        answer = self._session.request(
            method,
            url,
            data=question.pieces if chunked else body,
            headers=dict(headers),
            allow_redirects=False,
            stream=True,
            timeout=PATIENCE_S,
        )
        raw = answer.raw.read(decode_content=False)
        return Answer(answer.status_code, lowered(answer.raw.headers.items()), raw)

    def close(self) -> None:
        self._session.close()


class Httpx(StockClient):
    """httpx, with its client."""

    def __init__(self) -> None:
        self._client = httpx.Client(trust_env=False, timeout=PATIENCE_S)

    def ask(self, question: Question) -> Answer:
        method, url, headers, body, chunked = question
        content = question.pieces if chunked else body
        with self._client.stream(method, url, headers=dict(headers), content=content) as answer:
            raw = b"".join(answer.iter_raw())
            return Answer(answer.status_code, lowered(answer.headers.multi_items()), raw)

    def close(self) -> None:
        self._client.close()


class Aiohttp(StockClient):
    """aiohttp's client, on a loop of its own."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._session = self._runner.run(self._open())

    def ask(self, question: Question) -> Answer:
        return self._runner.run(self._ask(question))

    def close(self) -> None:
        self._runner.run(self._session.close())
        self._runner.close()

    async def _open(self) -> aiohttp.ClientSession:
        limit = aiohttp.ClientTimeout(total=PATIENCE_S)
        return aiohttp.ClientSession(auto_decompress=False, timeout=limit)

    async def _ask(self, question: Question) -> Answer:
        method, url, headers, body, chunked = question

        async def pieces() -> AsyncIterator[bytes]:
            for piece in question.pieces:
                yield piece

        async with self._session.request(
            method,
            url,
            headers=headers,
            data=pieces() if chunked else io.BytesIO(body) if body else None,
            expect100="Expect" in headers,
            allow_redirects=False,
        ) as answer:
            return Answer(answer.status, lowered(answer.headers.items()), await answer.read())


class Curl(StockClient):
    """The curl command: one process, and so one session, for each call."""

    def ask(self, question: Question) -> Answer:
        method, url, headers, body, chunked = question
        options = ["--head"] if method == "HEAD" else ["--include", "--request", method]
        if chunked:
            options += ["--upload-file", "-"]
        elif body:
            options += ["--data-binary", "@-"]
        for name, value in headers.items():
            options += ["--header", f"{name}: {value}"]
        raw = self._run(*options, url, sent=body)
        head, _, rest = raw.partition(b"\r\n\r\n")
        while head.split()[1].startswith(b"1"):
            head, _, rest = rest.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        pairs = (field.partition(":") for field in fields)
        found = ((name, value.strip()) for name, _, value in pairs)
        return Answer(int(line.split()[1]), lowered(found), rest)

    def close(self) -> None:
        """Each process closed its own."""

    def get_thrice(self, url: str) -> list[bytes]:
        return self._run("--write-out", "\n", url, url, url).splitlines()

    def _run(self, *options: str, sent: bytes = b"") -> bytes:
        command = [
            "curl",
            "--silent",
            "--show-error",
            "--max-time",
            str(PATIENCE_S),
            *options,
        ]
        return subprocess.run(command, input=sent, check=True, capture_output=True).stdout


def lowered(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in headers]


STOCK_CLIENTS: dict[str, type[StockClient]] = {
    "http.client": HttpClient,
    "requests": Requests,
    "httpx": Httpx,
    "aiohttp": Aiohttp,
    "curl": Curl,
}
