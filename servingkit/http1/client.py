"""A small HTTP client for probes, scrapes and hooks, on the engine's own connections."""

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from servingkit.core.revision import Address
from servingkit.http1.core.message import AnswerHead, Header
from servingkit.http1.engine import Engine
from servingkit.http1.pool import ConnectError
from servingkit.http1.upstream import UpstreamConnection
from servingkit.http1.watcher import FailureKind

_MOST_BODY_BYTES: Final = 16 * 1024 * 1024
_FIRST_FINAL_STATUS: Final = 200
_MEANT_TO_HAVE_A_BODY: Final = frozenset((b"POST", b"PUT", b"PATCH"))


class FetchFailure(StrEnum):
    """Which step of a fetch failed."""

    CONNECT = "connect"
    CLOSED = "closed"
    MALFORMED = "malformed"
    TIMEOUT = "timeout"


class FetchError(Exception):
    """No usable answer came."""

    def __init__(self, reason: FetchFailure, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


class Fetched(NamedTuple):
    """A whole answer. Header names are lower-case; repeated ones are joined with a comma."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class HttpClient:
    """Fetches whole answers over kept-alive connections."""

    def __init__(self, engine: Engine, *, most_body_bytes: int = _MOST_BODY_BYTES) -> None:
        """Fetch with the connections of `engine`; longer answers than `most_body_bytes` fail."""
        self._pool = engine.pool
        self._most_body_bytes = most_body_bytes

    async def fetch(
        self,
        address: Address,
        method: bytes,
        target: bytes,
        headers: Sequence[Header] = (),
        body: bytes = b"",
        *,
        timeout_s: float,
    ) -> Fetched:
        """Send a request and return its answer, at most 16 MiB unless the client has another limit.

        A GET on a kept connection that turns out to be dead is sent once more on a new one.

        Raises:
            FetchError: nothing usable came within `timeout_s` seconds.
        """
        request = _encode(address, method, target, headers, body)
        to_head = method == b"HEAD"
        try:
            async with asyncio.timeout(timeout_s):
                kept = self._pool.take(address)
                if kept is not None:
                    try:
                        return await self._exchange(kept, request, to_head=to_head)
                    except FetchError as error:
                        if error.reason is not FetchFailure.CLOSED or method not in {
                            b"GET",
                            b"HEAD",
                        }:
                            raise
                connection = await self._pool.open(address)
                return await self._exchange(connection, request, to_head=to_head)
        except TimeoutError:
            detail = f"no answer from {address} within {timeout_s:g} s"
            raise FetchError(FetchFailure.TIMEOUT, detail) from None
        except ConnectError as error:
            raise FetchError(FetchFailure.CONNECT, str(error)) from error

    async def _exchange(
        self, connection: UpstreamConnection, request: bytes, *, to_head: bool
    ) -> Fetched:
        receiver = _FetchReceiver(connection, self._most_body_bytes)
        connection.begin(receiver, to_head=to_head)
        connection.out.append(request)
        connection.flush()
        try:
            return await receiver.answer
        except asyncio.CancelledError:
            receiver.abandon()
            raise


def _encode(
    address: Address, method: bytes, target: bytes, headers: Sequence[Header], body: bytes
) -> bytes:
    parts = [b"%b %b HTTP/1.1\r\n" % (method, target)]
    if not any(name.lower() == b"host" for name, _ in headers):
        parts.append(b"Host: %b\r\n" % str(address).encode())
    parts += [b"%b: %b\r\n" % header for header in headers]
    if body or method in _MEANT_TO_HAVE_A_BODY:
        parts.append(b"Content-Length: %d\r\n" % len(body))
    parts += (b"\r\n", body)
    return b"".join(parts)


class _FetchReceiver:
    """Gathers one answer and sets a future."""

    def __init__(self, connection: UpstreamConnection, most_body_bytes: int) -> None:
        self.answer: asyncio.Future[Fetched] = asyncio.get_running_loop().create_future()
        self._connection = connection
        self._most_body_bytes = most_body_bytes
        self._head: AnswerHead | None = None
        self._body = bytearray()
        self._over = False
        self._released = False

    def abandon(self) -> None:
        """Close the connection, unless the answer came in this turn of the loop.

        Then the connection is the pool's again, or another request's already, which would never
        hear that it was closed.
        """
        if not self._released:
            self._connection.close()

    def receive_answer_head(self, head: AnswerHead, now: float) -> None:
        """Keep the final head."""
        del now
        if head.status >= _FIRST_FINAL_STATUS:
            self._head = head

    def receive_answer_body(self, data: bytes) -> None:
        """Gather the body."""
        self._body += data
        if len(self._body) > self._most_body_bytes:
            self._fail(FetchFailure.MALFORMED, f"answer over {self._most_body_bytes} bytes")
            self._connection.close()

    def receive_answer_end(self, trailers: Sequence[Header]) -> None:
        """Note that the answer is whole."""
        del trailers
        self._over = True

    def settle_answer(self, now: float) -> None:
        """Hand a whole answer over."""
        del now
        if self._over and self._head is not None:
            self._released = True
            self._connection.release(request_sent=True)
            if not self.answer.done():
                fetched = Fetched(self._head.status, self._head.fields, bytes(self._body))
                self.answer.set_result(fetched)

    def upstream_lost(self, kind: FailureKind, detail: str) -> None:
        """Fail."""
        malformed = kind is FailureKind.MALFORMED
        self._fail(FetchFailure.MALFORMED if malformed else FetchFailure.CLOSED, detail)

    def upstream_paused(self) -> None:
        """Requests here are small and written at once."""

    def upstream_resumed(self) -> None:
        """Requests here are small and written at once."""

    def tunnel_closed(self) -> None:
        """There are none here."""

    def _fail(self, reason: FetchFailure, detail: str) -> None:
        if not self.answer.done():
            self.answer.set_exception(FetchError(reason, detail))
