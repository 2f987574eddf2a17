"""A connection to an upstream: one answer at a time, kept for the next exchange when it is clean.

llhttp splits the bytes, but when a body ends is decided by `AnswerHead.body_length`: llhttp cannot
know that an answer to HEAD has none, and would take the next answer's first bytes for it. llhttp
does not see an answer whose head is known (`core.known_heads`), nor its body. The counterpart is
`downstream`.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

import httptools

from servingkit.clock import monotonic
from servingkit.core.revision import Address
from servingkit.http1.core.known_heads import HEAD_END, KnownHeads
from servingkit.http1.core.message import UNTIL_CLOSE, AnswerHead, Header, MessageError
from servingkit.http1.stream import Receiver, Stream
from servingkit.http1.transport import notice_vanished_peers, peer_present, tcp_socket
from servingkit.http1.watcher import FailureKind

if TYPE_CHECKING:
    import socket

_FIRST_FINAL_STATUS: Final = 200
_BODILESS: Final = frozenset((204, 304))
_MOST_HEADERS: Final = 256
_MOST_HEAD_BYTES: Final = 262_144
_READ_BYTES: Final = 65_536


class UpstreamConnection:
    """One connection, as asyncio, httptools, Exchange and the pool see it.

    An asyncio.Protocol in all but its base class, which a compiled class cannot have.

    `on_idle` takes the connection when it can serve another exchange, `on_lost` when it is gone.
    """

    __deletable__ = ("_parser",)  # what a compiled class lets go of
    __slots__ = (
        "_body_left",
        "_head",
        "_head_bytes",
        "_headers",
        "_in_body",
        "_keep_alive",
        "_known",
        "_on_idle",
        "_on_lost",
        "_over",
        "_parser",
        "_parser_astray",
        "_reading_paused",
        "_reason",
        "_receiver",
        "_surplus",
        "_to_head",
        "_trailers",
        "_transport",
        "_tunnel",
        "_until_close",
        "_write_paused",
        "address",
        "idle_s",
        "idle_since",
        "out",
        "reused",
        "sock",
    )

    def __init__(
        self,
        address: Address,
        known: KnownHeads[AnswerHead],
        on_idle: "Callable[[UpstreamConnection], None]",
        on_lost: "Callable[[UpstreamConnection], None]",
    ) -> None:
        self.address = address
        self._known = known
        self.sock: socket.socket | None = None
        self.out: list[bytes] = []
        self.reused = False
        self.idle_s: float | None = None
        """How long the upstream said that it keeps this connection. None: it said nothing."""
        self.idle_since = 0.0
        self._on_idle = on_idle
        self._on_lost = on_lost
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._receiver: Receiver | None = None
        self._tunnel: Stream | None = None
        self._write_paused = False
        self._reading_paused = False
        self._to_head = False
        self._parser_astray = False
        self._reason = b""  # these two are empty again when a head is complete
        self._headers: list[Header] = []
        self._reset_message()

    def __repr__(self) -> str:
        state = "idle" if self._receiver is None else "in body" if self._in_body else "waiting"
        return f"<UpstreamConnection {self.address} {state}>"

    def _reset_message(self) -> None:
        self._trailers: list[Header] | None = None
        self._head: AnswerHead | None = None  # the final one, once it is there
        self._head_bytes = 0
        self._body_left = 0  # of an answer with a known head
        self._in_body = False
        self._until_close = False
        self._keep_alive = False
        self._over = False
        self._surplus = False

    # --- Exchange and pool ----------------------------------------------------------------------

    def begin(self, receiver: Receiver, *, to_head: bool) -> None:
        """Serve `receiver` from now on; `to_head`: its request is a HEAD."""
        self._receiver = receiver
        self._to_head = to_head
        self._reset_message()

    def flush(self) -> None:
        """Write what `out` holds."""
        out, transport = self.out, self._transport
        if out and not transport.is_closing():
            if len(out) == 1:
                transport.write(out[0])
            else:
                transport.writelines(out)
        out.clear()

    def write_paused(self) -> bool:
        """Return whether the upstream is slower than the request's body."""
        return self._write_paused

    def pause_reading(self) -> None:
        """Leave the rest of the answer with the upstream for now."""
        if not self._transport.is_closing():
            self._reading_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if self._reading_paused and not self._transport.is_closing():
            self._reading_paused = False
            self._transport.resume_reading()

    def release(self, *, request_sent: bool) -> None:
        """Keep the connection if nothing of this exchange can be mistaken for the next one's."""
        self._receiver = None
        clean = self._keep_alive and self._over and not self._surplus and request_sent
        if not clean or self._write_paused or self._transport.is_closing():
            self.close()
            return
        if self._parser_astray:
            self._parser_astray = False
            self._parser = httptools.HttpResponseParser(self)
        self.resume_reading()
        self._on_idle(self)

    def discard_answer(self, *, request_sent: bool) -> None:
        """Drop the rest of the answer; only an answer that is over with this read is worth it."""
        self._receiver = _Discarding(self, request_sent=request_sent)

    def start_tunnel(self, client: Stream) -> None:
        """Pass bytes on as an answer's body, without looking at them."""
        self._tunnel = client

    def close(self) -> None:
        """Close now. An upgraded connection gets what was written for it first."""
        self._receiver = None
        if self._tunnel is None:
            self._transport.abort()
        else:
            self._transport.close()

    def usable(self) -> bool:
        """Return whether an idle connection is still open at both ends."""
        return (
            not self._transport.is_closing() and self.sock is not None and peer_present(self.sock)
        )

    # --- asyncio --------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the transport."""
        transport = cast("asyncio.Transport", transport)  # uvloop does not register its own
        self._transport = transport
        self.sock = tcp_socket(transport)
        if self.sock is not None:
            notice_vanished_peers(self.sock)

    def data_received(self, data: bytes) -> None:
        """Parse a piece of the answer and have it passed on."""
        if self._tunnel is not None:
            self._pass_on(data)
            return
        if self._receiver is None:
            self._lose(FailureKind.MALFORMED, "an answer that nobody asked for")
            return
        now = monotonic()
        begun = self._in_body or self._head_bytes > 0
        if self._body_left:
            self._take_body(data)
        elif begun or self._to_head or not self._take_head(data, now):
            self._parse(data)
        if not self._in_body:
            self._head_bytes += len(data)
            if self._head_bytes > _MOST_HEAD_BYTES:
                self._lose(FailureKind.MALFORMED, "answer head too large")
        receiver = self._receiver
        if receiver is not None:
            receiver.settle_answer(now)

    def eof_received(self) -> bool:
        """End an answer that lasts until its connection closes; else the answer is broken."""
        receiver = self._receiver
        if receiver is not None and self._until_close and self._in_body and not self._over:
            self._finish(receiver)
            receiver.settle_answer(monotonic())
        else:
            self._lose(FailureKind.CLOSED, "connection closed before the answer was whole")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who was served, and break the reference cycle."""
        try:
            if isinstance(exc, OSError):
                self._hear_out()
        finally:
            self._lose(FailureKind.CLOSED, str(exc) if exc else "connection closed")
            self.sock = None
            del self._parser

    def pause_writing(self) -> None:
        """Hold the request's body back."""
        self._write_paused = True
        if self._tunnel is not None:
            self._tunnel.pause_reading()
        elif self._receiver is not None:
            self._receiver.upstream_paused()

    def resume_writing(self) -> None:
        """Let the request's body go on."""
        self._write_paused = False
        if self._tunnel is not None:
            self._tunnel.resume_reading()
        elif self._receiver is not None:
            self._receiver.upstream_resumed()

    # --- httptools ------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Notice an answer after the one that was asked for."""
        if self._over:
            self._surplus = True

    def on_status(self, reason: bytes) -> None:
        """Take a piece of the reason phrase."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header or, after the head, a trailer."""
        if not self._in_body:
            self._headers.append((name, value))
        elif self._trailers is None:
            self._trailers = [(name, value)]
        elif len(self._trailers) < _MOST_HEADERS:
            self._trailers.append((name, value))
        else:
            raise MessageError(502, "too many trailers")

    def on_headers_complete(self) -> None:
        """Check the head and hand it on."""
        receiver = self._receiver
        if receiver is None or self._over:
            return
        status = self._parser.get_status_code()
        head = AnswerHead(status, self._reason, self._headers, to_head=self._to_head)
        if len(self._headers) > _MOST_HEADERS:
            raise MessageError(502, "too many header fields in an answer")
        self._reason = b""
        self._headers = []
        if status < _FIRST_FINAL_STATUS:
            receiver.receive_answer_head(head, monotonic())
            return
        self._in_body = True
        self._head = head
        self.idle_s = head.idle_s
        self._until_close = head.body_length == UNTIL_CLOSE
        self._keep_alive = not self._until_close and head.keeps_alive(
            self._parser.get_http_version()
        )
        receiver.receive_answer_head(head, monotonic())
        if self._to_head or status in _BODILESS:
            self._parser_astray = True  # llhttp may wait for a body
            self._finish(self._receiver)

    def on_body(self, data: bytes) -> None:
        """Hand a piece of the body on."""
        if self._over:
            self._surplus = True
        elif self._receiver is not None:
            self._receiver.receive_answer_body(data)

    def on_message_complete(self) -> None:
        """End the answer, unless this was a 1xx."""
        if self._in_body and not self._over:
            self._finish(self._receiver)

    # --- inside ---------------------------------------------------------------------------------

    def _hear_out(self) -> None:
        """Take what was said before the connection broke.

        An upstream that refuses a large body answers and closes. If we are writing then, the write
        fails before the answer is read, and a transport that fails reads no more.
        """
        with suppress(OSError):
            while self._receiver is not None and self.sock is not None:
                data = os.read(self.sock.fileno(), _READ_BYTES)
                if not data:
                    return  # after a reset even this proves no end
                self.data_received(data)

    def _take_head(self, data: bytes, now: float) -> bool:
        """Begin an answer whose head is all there; False: it is not, and nothing was done."""
        end = data.find(HEAD_END) + len(HEAD_END)
        if end < len(HEAD_END):
            return False
        raw, rest = data[:end], data[end:]
        head = self._known.by_bytes.get(raw)
        if head is None:
            self._parse(raw)
            self._keep(raw)
            if self._tunnel is not None:
                self._pass_on(rest)
            elif rest and self._receiver is not None:
                self._parse(rest)
            return True
        self._in_body = self._keep_alive = True
        self.idle_s = head.idle_s
        self._body_left = head.body_length
        if self._receiver is not None:
            self._receiver.receive_answer_head(head, now)
        self._take_body(rest)
        return True

    def _take_body(self, data: bytes) -> None:
        """Take what follows a known head."""
        left = self._body_left
        if len(data) > left:
            self._surplus = True
            data = data[:left]
        self._body_left = left - len(data)
        receiver = self._receiver
        if receiver is not None:
            if data:
                receiver.receive_answer_body(data)
            if not self._body_left:
                self._finish(receiver)

    def _keep(self, raw: bytes) -> None:
        """Keep the final head that llhttp has read in these bytes, if it may be taken again."""
        head = self._head
        if head is None or head.body_length < 0 or head.status in _BODILESS:
            return
        if self._keep_alive:
            self._known.keep(raw, head)

    def _finish(self, receiver: Receiver | None) -> None:
        self._over = True
        if receiver is not None:
            receiver.receive_answer_end(self._trailers or ())

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._surplus = True
            if self._tunnel is not None:
                self._pass_on(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            if not isinstance(cause, MessageError):
                raise
            self._lose(FailureKind.MALFORMED, cause.detail)
        except httptools.HttpParserError as error:
            if self._over:
                self._surplus = True  # the answer is whole; only the connection is spoilt
            else:
                self._lose(FailureKind.MALFORMED, f"malformed answer: {error}")

    def _pass_on(self, data: bytes) -> None:
        receiver = self._receiver
        if receiver is not None and data:
            receiver.receive_answer_body(data)
            receiver.settle_answer(monotonic())

    def _lose(self, kind: FailureKind, detail: str) -> None:
        receiver, self._receiver = self._receiver, None
        self._on_lost(self)
        self._transport.abort()
        if receiver is None:
            return
        if self._tunnel is not None:
            receiver.tunnel_closed()
        else:
            receiver.upstream_lost(kind, detail)


class _Discarding:
    """Takes the rest of an answer that was turned down."""

    def __init__(self, connection: UpstreamConnection, *, request_sent: bool) -> None:
        self._connection = connection
        self._request_sent = request_sent

    def receive_answer_head(self, head: AnswerHead, now: float) -> None:
        """Drop it."""

    def receive_answer_body(self, data: bytes) -> None:
        """Drop it."""

    def receive_answer_end(self, trailers: Sequence[Header]) -> None:
        """Drop them."""

    def settle_answer(self, now: float) -> None:
        """Keep the connection if the answer is over; `release` closes it otherwise."""
        del now
        self._connection.release(request_sent=self._request_sent)

    def upstream_lost(self, kind: FailureKind, detail: str) -> None:
        """Nothing was expected."""

    def upstream_paused(self) -> None:
        """Nothing is being sent."""

    def upstream_resumed(self) -> None:
        """Nothing is being sent."""

    def tunnel_closed(self) -> None:
        """There is none."""
