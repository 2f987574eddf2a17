"""Bytes of a client into request heads, bodies and ends.

llhttp finds the tokens; what it does not bound or gets wrong is put right here: sizes, versions,
and the body of a request that offers an upgrade.

A head that has come whole is read alone. llhttp does not see one that is known
(`core.known_heads`), nor the body behind it if that ends where its length says. So what llhttp
frames is chunked bodies, and bodies whose heads came in pieces.
"""

import re
from dataclasses import dataclass
from typing import Final, Protocol

import httptools

from servingkit.http1.core.known_heads import HEAD_END, KnownHeads
from servingkit.http1.core.message import CHUNKED, Header, MessageError, RequestHead

_SLICE_BYTES: Final = 4_096
_NO_PIECE: Final = memoryview(b"")
_FOREIGN: Final = (b"RTSP/", b"ICE/")
"""Protocols that llhttp knows besides HTTP, and does not tell from it."""

_ALLOWED_PER_BODY_BYTE: Final = 9  # the byte itself and what a chunk of one byte needs around it


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimits:
    """What a request may weigh. Beyond a limit it is refused and its connection closes."""

    head_bytes: int = 65_536
    """Request line and headers together; beyond: 431."""

    header_count: int = 128
    """Beyond: 431."""

    target_bytes: int = 16_384
    """Beyond: 414."""

    chunk_overhead_bytes: int = 16_384
    """Bytes of a chunked body that are not data: chunk sizes and extensions, trailers. A byte of
    data makes up for 8 that came before it. Beyond: 400."""

    body_bytes: int = 0
    """Beyond: 413. 0: no limit."""


class RequestSink(Protocol):
    """Who takes what was read. An exception of `request_head` ends the reading."""

    def request_head(self, head: RequestHead) -> None:
        """Take a request whose head is complete."""
        ...

    def whole_request(self, head: RequestHead, body: bytes) -> None:
        """Take a request that has come whole. Nothing else is called for it."""
        ...

    def request_body(self, data: bytes) -> None:
        """Take a piece of its body."""
        ...

    def request_end(self) -> None:
        """Take its end."""
        ...


class RequestReader:
    """Reads the requests of one connection. Names of httptools' callbacks begin with `on_`."""

    __slots__ = (
        "_alone",
        "_before",
        "_body_bytes",
        "_body_left",
        "_body_length",
        "_head",
        "_headers",
        "_known",
        "_limits",
        "_offers_upgrade",
        "_parser",
        "_piece",
        "_sink",
        "_target",
        "_tunnel_wanted",
        "_wire_bytes",
        "head_begun",
        "in_body",
    )

    def __init__(
        self, sink: RequestSink, limits: RequestLimits, known: KnownHeads[RequestHead]
    ) -> None:
        """Read for `sink`. All who share `known` must have the same limits."""
        self._sink = sink
        self._limits = limits
        self._known = known
        # 1 KiB, and not needed while all heads are known.
        self._parser: httptools.HttpRequestParser | None = None
        self._target = b""
        self._headers: list[Header]  # of the message that llhttp reads
        self._alone = False  # whether llhttp reads a head and nothing behind it
        self._head: RequestHead | None = None  # that was read alone
        self._body_length = 0
        self._body_left = 0  # of a body that llhttp does not see
        self._before = b""  # of a head that comes in pieces, up to the piece with its first line
        self._piece: bytes | memoryview = _NO_PIECE
        self._wire_bytes = 0
        self._body_bytes = 0
        self._offers_upgrade = False
        self._tunnel_wanted = False
        self.head_begun = False
        """Whether a head is under way."""
        self.in_body = False
        """Whether a request is under way whose head is complete."""

    def __repr__(self) -> str:
        state = "in body" if self.in_body else "in head" if self.head_begun else "between requests"
        return f"<RequestReader {state}>"

    def feed(self, data: memoryview) -> memoryview:
        """Read from `data`; return what is left for a further call.

        Only 4 KiB are read in one call, or the rest of a body whose length is known, so that the
        caller can stop a client that sends requests ahead by the thousand.

        Raises:
            MessageError: the client is to be refused; nothing more can be read.
            httptools.HttpParserCallbackError: the sink raised something else, a bug of ours.
        """
        if not self.in_body and not self.head_begun:
            piece = data[:_SLICE_BYTES]
            start = bytes(piece)
            end = start.find(HEAD_END) + len(HEAD_END)
            if end >= len(HEAD_END):
                return self._take_head(start[:end], data[end:])
        elif self._body_left:
            return self._take_body(data)
        elif self.in_body and self._body_length != CHUNKED:
            piece = data[: self._body_length - self._body_bytes]
        else:
            piece = data[:_SLICE_BYTES]
        left = self._parse(piece)
        rest = data[len(piece) :]
        return memoryview(left + bytes(rest)) if left else rest

    def close(self) -> None:
        """Break the reference cycle between parser and reader."""
        self._parser = None

    # --- httptools ------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Note that a head is under way."""
        self.head_begun = True
        self._headers = []

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer ends here."""
        if not self.in_body:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Check the head and hand it on."""
        if self.in_body:  # the made-up head of `_ignore_offer`
            return
        headers, self._headers = self._headers, []
        target, self._target = self._target, b""
        parser, limits = self._parser, self._limits
        assert parser is not None  # noqa: S101 -- it is what calls
        version = parser.get_http_version()
        if version not in {"1.1", "1.0"}:
            raise MessageError(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
        if len(target) > limits.target_bytes:
            raise MessageError(414, f"request target over {limits.target_bytes} bytes")
        if len(headers) > limits.header_count:
            raise MessageError(431, f"more than {limits.header_count} header fields")
        method = parser.get_method()
        self._check_head(method, target, headers)
        head = RequestHead(method, target, 1 if version == "1.1" else 0, headers)
        self._check_body(head.body_length)
        self.head_begun = False
        self.in_body = True
        self._body_length = head.body_length
        self._offers_upgrade = parser.should_upgrade()
        self._tunnel_wanted = self._offers_upgrade and head.wants_websocket
        self._wire_bytes = self._body_bytes = 0
        if self._alone:
            self._head = head
        else:
            self._sink.request_head(head)

    def on_body(self, data: bytes) -> None:
        """Hand a piece of the body on."""
        self._body_bytes += len(data)
        if self._body_length == CHUNKED:
            self._wire_bytes = max(0, self._wire_bytes - _ALLOWED_PER_BODY_BYTE * len(data))
            self._check_body(self._body_bytes)
        self._sink.request_body(data)

    def on_message_complete(self) -> None:
        """Hand the end on."""
        # httptools skips the body of whatever offers an upgrade and calls it complete.
        if not self._offers_upgrade or self._body_length == 0:
            self.in_body = False
            self._wire_bytes = 0
            if not self._alone:
                self._sink.request_end()

    # --- inside ---------------------------------------------------------------------------------

    def _take_head(self, raw: bytes, data: memoryview) -> memoryview:
        """Take a whole head, and what there is of its body; return what is left of `data`.

        It runs for every request: a known one that has come whole takes the shortest way.
        """
        head = self._known.by_bytes.get(raw)
        if head is None:
            head = self._read_head(raw)
            if head is None:
                return data  # there was nothing but empty lines
            if self.in_body:
                self._sink.request_head(head)
                return data  # chunks, which llhttp reads on
        else:
            self._tunnel_wanted = False
            self._wire_bytes = 0  # empty lines before it
        length = head.body_length
        if len(data) >= length:
            self._sink.whole_request(head, bytes(data[:length]))
            return data[length:]
        self.in_body = True
        self._body_left = length
        self._sink.request_head(head)
        return self._take_body(data) if data else data

    def _read_head(self, raw: bytes) -> RequestHead | None:
        """Have llhttp read a head and nothing else; keep it if it may be taken again.

        Afterwards `in_body` is set only if llhttp is to read the body.
        """
        self._alone = True
        try:
            self._parse(raw)
        finally:
            self._alone = False
        head, self._head = self._head, None
        if head is None or head.body_length == CHUNKED:
            return head
        if self.in_body:
            self.in_body = False
            self._parser = None  # it waits for the body
        if head.keep_alive and head.minor_version == 1 and b"upgrade" not in head.fields:
            self._known.keep(raw, head)
        return head

    def _take_body(self, data: memoryview) -> memoryview:
        piece = data[: self._body_left]
        self._body_left -= len(piece)
        self._sink.request_body(bytes(piece))
        if not self._body_left:
            self.in_body = False
            self._sink.request_end()
        return data[len(piece) :]

    def _parse(self, piece: bytes | memoryview) -> bytes:
        """Have llhttp read; return what it left over, which is seldom anything."""
        if self._parser is None:
            self._parser = httptools.HttpRequestParser(self)
        self._wire_bytes += len(piece)
        self._piece = piece
        left = b""
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade as offer:
            left = bytes(piece[offer.args[0] :])
            self._ignore_offer()
        except httptools.HttpParserCallbackError as error:
            if isinstance(error.__context__, MessageError):
                raise error.__context__ from None
            raise
        except httptools.HttpParserError as error:
            version_unknown = str(error) in {"Invalid HTTP version", "Pause on PRI/Upgrade"}
            status = 505 if version_unknown else 400
            raise MessageError(status, f"malformed request: {error}") from error
        self._piece = _NO_PIECE
        self._keep_begun(piece)
        self._check_sizes()
        return left

    def _keep_begun(self, piece: bytes | memoryview) -> None:
        if not self.head_begun:
            self._before = b""
        elif b"\n" not in self._before.lstrip(b"\r\n"):
            self._before += piece

    def _ignore_offer(self) -> None:
        """Go on after the head of a request that offers an upgrade, with its true framing.

        Only a new parser forgets the offer. To read a body it needs a head of the same framing,
        which we make up and whose events are dropped.
        """
        self._offers_upgrade = False
        self._parser = httptools.HttpRequestParser(self)
        if self.in_body:
            length = self._body_length
            chunked = b"Transfer-Encoding: chunked"
            framing = chunked if length == CHUNKED else b"Content-Length: %d" % length
            self._parser.feed_data(b"POST / HTTP/1.1\r\nHost: -\r\n%b\r\n\r\n" % framing)
            self._target = b""
            self.head_begun = False

    def _check_head(self, method: bytes, target: bytes, headers: list[Header]) -> None:
        """Refuse what llhttp lets through; it runs once for heads that come again and again."""
        most_bytes = self._limits.head_bytes
        if self._wire_bytes > most_bytes:  # which may count the beginning of a body, too
            size = len(method) + len(target) + len(b"  HTTP/1.1\r\n\r\n")
            size += sum(len(name) + len(value) + len(b": \r\n") for name, value in headers)
            if size > most_bytes:
                raise MessageError(431, f"request head over {most_bytes} bytes")
        text = self._before + bytes(self._piece)
        for protocol in _FOREIGN:
            if protocol in text and _has_line(text, method, target, protocol):
                raise MessageError(400, "malformed request: Expected HTTP/")

    def _check_body(self, size: int) -> None:
        limit = self._limits.body_bytes
        if limit and size > limit:
            raise MessageError(413, f"request body over {limit} bytes", b"body-too-large")

    def _check_sizes(self) -> None:
        limits = self._limits
        if not self.in_body:
            if self._wire_bytes > limits.head_bytes:
                raise MessageError(431, f"request head over {limits.head_bytes} bytes")
        elif self._body_length == CHUNKED and self._wire_bytes > limits.chunk_overhead_bytes:
            raise MessageError(400, "chunked body is mostly overhead")

    @property
    def tunnel_wanted(self) -> bool:
        """Whether the last request asks for a tunnel: what follows it may not be HTTP."""
        return self._tunnel_wanted


def _has_line(text: bytes, method: bytes, target: bytes, protocol: bytes) -> bool:
    line = rb"(?:\A|\n)%b +%b +%b" % (re.escape(method), re.escape(target), protocol)
    return re.search(line, text) is not None
