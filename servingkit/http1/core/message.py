"""Heads of requests and answers as values, with the checks that RFC 9110 and 9112 ask of a proxy.

llhttp has split the bytes into tokens by then; whether the tokens may stand together is decided
here. Nothing here knows about connections. Header values are bytes as they came.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, TypeVar

Header = tuple[bytes, bytes]
Result = TypeVar("Result")

CHUNKED: Final = -1
"""Body length of a message whose body is chunked: unknown until its last chunk."""

UNTIL_CLOSE: Final = -2
"""Body length of an answer that ends with its connection."""

_BODILESS_ANSWERS: Final = frozenset((204, 304))

_SPACE: Final = b" \t"
"""What may stand after a value without being part of it; llhttp leaves it there."""

_MOST_DIGITS: Final = 19
"""Of a length: more than any body has, and few enough for int()."""

_AUTHORITY: Final = re.compile(
    rb"(?:\[[\w:.~%!$&'()*+,;=-]+\]|[\w.~%!$&'()*+,;=-]*)(?::[0-9]*)?"  # RFC 3986 section 3.2
)

_TIMEOUT: Final = re.compile(rb"(?i)(?:^|[,;\s])timeout\s*=\s*\"?([0-9]{1,9})\b")

_COUNTED: Final = frozenset((b"OPTIONS", b"TRACE"))
"""Methods whose Max-Forwards every hop counts down."""

_MOST_FORWARDS_DIGITS: Final = 9

_MOST_KEPT_BYTES: Final = 128
"""Of a value: longer ones are hostile more often than they come again."""


def _kept_if_short(function: Callable[[bytes], Result]) -> Callable[[bytes], Result]:
    """Remember results: nearly all messages say the same, in few bytes."""
    kept = lru_cache(maxsize=64)(function)

    def call(value: bytes) -> Result:
        return kept(value) if len(value) <= _MOST_KEPT_BYTES else function(value)

    return call


class MessageError(Exception):
    """A message that goes no further.

    `status` is what a client is told, `detail` is one line, `reason` goes into `Inflight-Reason`;
    it is empty where the status says all that a machine could act on.
    """

    def __init__(self, status: int, detail: str, reason: bytes = b"") -> None:
        super().__init__(f"{status} {detail}")
        self.status = status
        self.detail = detail
        self.reason = reason

    def answer(self) -> tuple[tuple[Header, ...], bytes]:
        """Return the headers and the body that a client is told it with."""
        headers: tuple[Header, ...] = ((b"Content-Type", b"text/plain; charset=utf-8"),)
        if self.reason:
            headers += ((b"Inflight-Reason", self.reason),)
        return headers, self.detail.encode() + b"\n"


class RequestHead:
    """One request without its body.

    `fields` maps lower-case names to values, repeated ones joined with a comma. `body_length` is a
    count of bytes or CHUNKED. `keep_alive` tells whether the client can use its connection again.
    `encoded` is `forwarding`'s: what it made of this head, and under which conditions.
    """

    __slots__ = (
        "body_length",
        "encoded",
        "fields",
        "headers",
        "host",
        "keep_alive",
        "method",
        "minor_version",
        "target",
    )

    def __init__(
        self, method: bytes, target: bytes, minor_version: int, headers: Sequence[Header]
    ) -> None:
        """Check the head (RFC 9112 section 3 and 6.3) and keep it. Raises MessageError."""
        self.method = method
        self.minor_version = minor_version
        self.headers = headers
        self.encoded: tuple[frozenset[bytes], bytes | None, bytes] | None = None
        self.fields = fields = _fields(headers)
        if method == b"CONNECT":
            raise MessageError(405, "CONNECT is not served here")
        if method in _COUNTED and b"max-forwards" in fields:
            self.headers = _counted_down(method, fields, headers)
        self.host, self.target = _host_and_target(method, target, minor_version, fields)
        self.body_length = _request_body_length(fields, minor_version)
        connection = fields.get(b"connection")
        if connection is None:
            self.keep_alive = minor_version == 1
        else:
            options = connection_options(connection)
            self.keep_alive = b"close" not in options and (
                minor_version == 1 or b"keep-alive" in options
            )

    def __repr__(self) -> str:
        return f"<RequestHead {self.method.decode()} {self.target.decode(errors='replace')}>"

    @property
    def wants_websocket(self) -> bool:
        """Whether this is the one kind of request that may become a tunnel."""
        fields = self.fields
        return (
            self.method == b"GET"
            and self.body_length == 0
            and self.minor_version == 1
            and fields.get(b"upgrade", b"").lower() == b"websocket"
            and b"upgrade" in connection_options(fields.get(b"connection", b""))
        )


class AnswerHead:
    """One answer without its body; `body_length` may also be UNTIL_CLOSE.

    `idle_s` is how long the upstream says that it keeps its connection without a request (None: it
    says nothing).
    """

    __slots__ = ("body_length", "encoded", "fields", "headers", "idle_s", "reason", "status")

    def __init__(
        self, status: int, reason: bytes, headers: Sequence[Header], *, to_head: bool = False
    ) -> None:
        """Check the head and decide how its body ends (RFC 9112 section 6.3). Raises MessageError.

        Args:
            status: 100 to 599.
            reason: the reason phrase, may be empty.
            headers: as they came.
            to_head: whether this answers a HEAD request, whose answer never has a body.
        """
        if not 100 <= status <= 599:  # noqa: PLR2004 -- the classes that RFC 9110 section 15 knows
            raise MessageError(502, "status out of range")
        self.status = status
        self.reason = reason
        self.headers = headers
        self.encoded: tuple[frozenset[bytes], bytes] | None = None
        self.fields = fields = _fields(headers)
        if to_head or status < 200 or status in _BODILESS_ANSWERS:  # noqa: PLR2004
            self.body_length = 0
        elif b"transfer-encoding" in fields:
            # llhttp reads an answer whose last coding is not chunked until the connection closes.
            chunked = fields[b"transfer-encoding"].lower() == b"chunked"
            if not chunked:
                raise MessageError(502, "transfer coding other than chunked")
            self.body_length = CHUNKED
        else:
            length = fields.get(b"content-length")
            self.body_length = UNTIL_CLOSE if length is None else _length(length, 502)
        self.idle_s = _keep_alive_timeout(fields.get(b"keep-alive"))

    def keeps_alive(self, version: str) -> bool:
        """Return whether the upstream lets its connection be used again (RFC 9112 section 9.3)."""
        options = connection_options(self.fields.get(b"connection", b""))
        if version == "1.1":
            return b"close" not in options
        return b"keep-alive" in options and b"close" not in options

    def __repr__(self) -> str:
        return f"<AnswerHead {self.status} {self.reason.decode(errors='replace')}>"


@_kept_if_short
def connection_options(value: bytes) -> frozenset[bytes]:
    """Return the lower-case options of a Connection header."""
    return frozenset(option.strip() for option in value.lower().split(b","))


def _keep_alive_timeout(value: bytes | None) -> float | None:
    """Return the seconds of `Keep-Alive: timeout=N` (RFC 2068 section 19.7.1.1)."""
    if value is None:
        return None
    found = _TIMEOUT.search(value)
    return float(found[1]) if found is not None else None


def _fields(headers: Sequence[Header]) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    for name, value in headers:
        key = name.lower()
        if key in fields:
            if key == b"host":
                raise MessageError(400, "more than one Host")
            if key == b"content-length":
                raise MessageError(400, "more than one Content-Length")
            fields[key] = fields[key] + b", " + value
        else:
            fields[key] = value
    return fields


def _host_and_target(
    method: bytes, target: bytes, minor_version: int, fields: dict[bytes, bytes]
) -> tuple[bytes, bytes]:
    host = fields.get(b"host")
    if host is None:
        if minor_version == 1:
            raise MessageError(400, "no Host")
        host = b""
    host = _checked_host(host)
    if b"#" in target:
        raise MessageError(400, "fragment in the request target")
    if target.startswith(b"/"):
        return host, target
    if target == b"*":
        if method != b"OPTIONS":
            raise MessageError(400, "target * is for OPTIONS only")
        return host, target
    authority, path = _split_absolute(target)
    if method == b"OPTIONS" and not path:
        return authority, b"*"
    return authority, path if path.startswith(b"/") else b"/" + path


def _counted_down(
    method: bytes, fields: dict[bytes, bytes], headers: Sequence[Header]
) -> list[Header]:
    """Return the headers with one hop less in Max-Forwards (RFC 9110 section 7.6.2)."""
    value = fields[b"max-forwards"].rstrip(_SPACE)
    if not value.isdigit() or len(value) > _MOST_FORWARDS_DIGITS:
        raise MessageError(400, "Max-Forwards is not a number of hops")
    if int(value) == 0:
        if method == b"OPTIONS":
            raise MessageError(200, "the last hop that was asked for")
        raise MessageError(405, "TRACE is not served here")
    left = fields[b"max-forwards"] = b"%d" % (int(value) - 1)
    return [(name, left if name.lower() == b"max-forwards" else old) for name, old in headers]


@_kept_if_short
def _checked_host(value: bytes) -> bytes:
    host = value.rstrip(_SPACE)
    if not _AUTHORITY.fullmatch(host):
        raise MessageError(400, "Host is not a name or an address")
    return host


def _split_absolute(target: bytes) -> tuple[bytes, bytes]:
    """Return the authority, which replaces Host, and path and query (RFC 9112 section 3.2.2)."""
    scheme, separator, rest = target.partition(b"://")
    if not separator or scheme.lower() not in {b"http", b"https"}:
        raise MessageError(400, "request target is neither a path nor an http URL")
    end = min((at for at in (rest.find(b"/"), rest.find(b"?")) if at >= 0), default=len(rest))
    authority, path = rest[:end], rest[end:]
    if authority[:1] in {b"", b":"} or not _AUTHORITY.fullmatch(authority):
        raise MessageError(400, "request target without a plain authority")
    return authority, path


def _request_body_length(fields: dict[bytes, bytes], minor_version: int) -> int:
    coding = fields.get(b"transfer-encoding")
    length = fields.get(b"content-length")
    if coding is not None:
        if minor_version == 0:
            raise MessageError(400, "Transfer-Encoding in an HTTP/1.0 request")
        if length is not None:
            raise MessageError(400, "Transfer-Encoding and Content-Length in one request")
        # No space is cut off after it: llhttp would not take it for chunked then.
        if coding.lower() != b"chunked":
            raise MessageError(501, "transfer coding other than chunked")
        return CHUNKED
    return 0 if length is None else _length(length, 400)


def _length(value: bytes, status: int) -> int:
    value = value.rstrip(_SPACE)
    # isdigit keeps out signs, spaces and underscores, which int() would take.
    if not value.isdigit() or len(value) > _MOST_DIGITS:
        raise MessageError(status, "Content-Length is not a number that a body can have")
    return int(value)
