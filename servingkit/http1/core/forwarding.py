"""What of a head passes on through a proxy, and its bytes on the other side.

Hop-by-hop fields end here (RFC 9110 section 7.6.1); framing is written anew from `body_length`, so
the next hop never sees framing that we did not decide ourselves.

The same head comes again and again (`known_heads`), so what it looks like on the other side is kept
with it, for the usual conditions.
"""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Final

from servingkit.http1.core.message import (
    CHUNKED,
    AnswerHead,
    Header,
    RequestHead,
    connection_options,
)

_HOP_BY_HOP: Final = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    )
)
_REQUEST_DROPPED: Final = _HOP_BY_HOP | {b"host", b"content-length", b"trailer"}
"""Trailers of requests end here, so none may be announced either."""

_ANSWER_DROPPED: Final = _HOP_BY_HOP | {b"content-length"}

# A Connection header may name further fields to remove, but never these: removing them would
# change the meaning of the message or hide it from us.
_NEVER_REMOVED: Final = frozenset(
    (
        b"host",
        b"content-length",
        b"transfer-encoding",
        b"authorization",
        b"k-proxy-request",
        b"k-network-probe",
        b"inflight-queue",
    )
)
_PLAIN_OPTIONS: Final = frozenset((b"close", b"keep-alive", b"upgrade", b"te", b"http2-settings"))

_FIRST_FINAL_STATUS: Final = 200
_NO_CONTENT: Final = 204
_NOT_MODIFIED: Final = 304

_VIA: Final = (b"Via: 1.0 inflight\r\n", b"Via: 1.1 inflight\r\n")
"""By the version that a request came in, after those of earlier hops (RFC 9110 section 7.6.3)."""

X_FORWARDED_FOR: Final = b"x-forwarded-for"

_STATUS_LINES: Final = {
    status.value: b"HTTP/1.1 %d %b\r\n" % (status.value, status.phrase.encode())
    for status in HTTPStatus
}


def forwarded_for(earlier: bytes | None, peer: str) -> Header:
    """Return X-Forwarded-For with `peer` appended to what the request carried, if anything."""
    value = peer.encode()
    return (b"X-Forwarded-For", value if earlier is None else earlier + b", " + value)


def encode_request(
    head: RequestHead,
    dropped: frozenset[bytes] = frozenset(),
    added: Sequence[Header] = (),
    host: bytes | None = None,
) -> bytes:
    """Return the bytes of `head` for the next hop, up to and with the empty line.

    Args:
        head: the request as it came.
        dropped: lower-case names that do not pass.
        added: fields to write besides; they come from the program and are not checked.
        host: written instead of the request's own when given.
    """
    encoded = head.encoded
    if encoded is not None and encoded[0] is dropped and encoded[1] == host:
        lines = encoded[2]
    else:
        lines = _request_lines(head, dropped, host)
        head.encoded = (dropped, host, lines)
    if not added:
        return lines + b"\r\n"
    parts = [lines]
    for name, value in added:
        parts += (name, b": ", value, b"\r\n")
    parts.append(b"\r\n")
    return b"".join(parts)


def _request_lines(head: RequestHead, dropped: frozenset[bytes], host: bytes | None) -> bytes:
    dropped = _REQUEST_DROPPED | dropped if dropped else _REQUEST_DROPPED
    fields = head.fields
    if b"connection" in fields:
        dropped = _with_named(dropped, fields[b"connection"])
    host = head.host if host is None else host
    parts = [head.method, b" ", head.target, b" HTTP/1.1\r\nHost: ", host, b"\r\n"]
    _add_passing(parts, head.headers, dropped)
    parts.append(_VIA[head.minor_version])
    if head.body_length == CHUNKED:
        parts.append(b"Transfer-Encoding: chunked\r\n")
    elif b"content-length" in fields:
        parts.append(b"Content-Length: %d\r\n" % head.body_length)
    if b"upgrade" in fields and head.wants_websocket:
        parts.append(b"Connection: Upgrade\r\nUpgrade: websocket\r\n")
    return b"".join(parts)


def _add_passing(parts: list[bytes], headers: Sequence[Header], dropped: frozenset[bytes]) -> None:
    for name, value in headers:
        if name.lower() not in dropped:
            parts += (name, b": ", value, b"\r\n")  # to join is quicker than to format


def encode_answer(
    head: AnswerHead,
    dropped: frozenset[bytes] = frozenset(),
    *,
    minor_version: int,
    keep_alive: bool,
    asked_by_head: bool,
    added: Sequence[Header] = (),
) -> bytes:
    """Return the bytes of an upstream's final answer for a client of HTTP/1.`minor_version`.

    A body without a known length becomes chunked for a 1.1 client; for a 1.0 client it ends with
    the connection, so `keep_alive` must be False then.
    """
    usual = minor_version == 1 and keep_alive and not asked_by_head and not added
    encoded = head.encoded
    if usual and encoded is not None and encoded[0] is dropped:
        return encoded[1]
    lines = _answer_lines(head, dropped, minor_version=minor_version, asked_by_head=asked_by_head)
    lines += b"".join([b"%b: %b\r\n" % pair for pair in added])
    lines += _connection_line(minor_version=minor_version, keep_alive=keep_alive)
    if usual:
        head.encoded = (dropped, lines)
    return lines


def _answer_lines(
    head: AnswerHead, dropped: frozenset[bytes], *, minor_version: int, asked_by_head: bool
) -> bytes:
    fields = head.fields
    dropped = _ANSWER_DROPPED | dropped if dropped else _ANSWER_DROPPED
    if b"connection" in fields:
        dropped = _with_named(dropped, fields[b"connection"])
    parts = [_STATUS_LINES.get(head.status) or b"HTTP/1.1 %d %b\r\n" % (head.status, head.reason)]
    _add_passing(parts, head.headers, dropped)
    length = head.body_length
    if length < 0:  # CHUNKED or UNTIL_CLOSE
        if minor_version == 1:
            parts.append(b"Transfer-Encoding: chunked\r\n")
    elif length or not _says_no_length(head.status):
        if asked_by_head or head.status == _NOT_MODIFIED:
            # These describe the body that a GET would have had; we pass on what is said of it.
            if b"content-length" in fields:
                parts.append(b"Content-Length: %b\r\n" % fields[b"content-length"])
        else:
            parts.append(b"Content-Length: %d\r\n" % length)
    return b"".join(parts)


def with_close(encoded: bytes) -> bytes:
    """Return an encoded answer head, of a connection that was to stay open, for one that closes."""
    lines = encoded.removesuffix(b"\r\n").removesuffix(b"Connection: keep-alive\r\n")
    return lines + _connection_line(minor_version=1, keep_alive=False)


def encode_informational(
    head: AnswerHead, dropped: frozenset[bytes] = frozenset(), added: Sequence[Header] = ()
) -> bytes:
    """Return the bytes of a 1xx answer, which never ends an exchange."""
    dropped |= _ANSWER_DROPPED
    passing = [pair for pair in head.headers if pair[0].lower() not in dropped]
    lines = b"".join([b"%b: %b\r\n" % pair for pair in (*passing, *added)])
    return b"HTTP/1.1 %d %b\r\n%b\r\n" % (head.status, head.reason, lines)


def encode_own_answer(
    status: int,
    headers: Iterable[Header],
    body: bytes,
    *,
    minor_version: int,
    keep_alive: bool,
) -> bytes:
    """Return the head of an answer that the program gives itself, for a body of this length."""
    parts = [_STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status]
    parts += [b"%b: %b\r\n" % pair for pair in headers]
    if not _says_no_length(status):
        parts.append(b"Content-Length: %d\r\n" % len(body))
    parts.append(_connection_line(minor_version=minor_version, keep_alive=keep_alive))
    return b"".join(parts)


def encode_stream_head(headers: Iterable[Header], *, keep_alive: bool) -> bytes:
    """Return the head of a 200 with a chunked body that the program begins itself."""
    lines = b"".join(b"%b: %b\r\n" % pair for pair in headers)
    end = _connection_line(minor_version=1, keep_alive=keep_alive)
    return b"HTTP/1.1 200 OK\r\n%bTransfer-Encoding: chunked\r\n%b" % (lines, end)


def encode_chunk(data: bytes) -> bytes:
    """Return `data`, which is not empty, as one chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def encode_last_chunk(trailers: Sequence[Header] = ()) -> bytes:
    """Return the end of a chunked body, with trailers that may pass."""
    if not trailers:
        return b"0\r\n\r\n"
    lines = (b"%b: %b\r\n" % pair for pair in trailers if pair[0].lower() not in _TRAILER_FORBIDDEN)
    return b"0\r\n" + b"".join(lines) + b"\r\n"


# Fields that a recipient would act on must not arrive late (RFC 9110 section 6.5.1).
_TRAILER_FORBIDDEN: Final = _REQUEST_DROPPED | {
    b"authorization",
    b"content-encoding",
    b"set-cookie",
}


def _with_named(dropped: frozenset[bytes], connection: bytes) -> frozenset[bytes]:
    options = connection_options(connection)
    if options <= _PLAIN_OPTIONS:
        return dropped
    return dropped | (options - _NEVER_REMOVED)


def _says_no_length(status: int) -> bool:
    return status < _FIRST_FINAL_STATUS or status == _NO_CONTENT


def _connection_line(*, minor_version: int, keep_alive: bool) -> bytes:
    if not keep_alive:
        return b"Connection: close\r\n\r\n"
    return b"\r\n" if minor_version == 1 else b"Connection: keep-alive\r\n\r\n"
