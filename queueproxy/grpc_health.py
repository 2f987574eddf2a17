"""One call of gRPC's standard health protocol, `grpc.health.v1.Health/Check`, without TLS.

So little of HTTP/2 (RFC 9113) is enough for it that no library is: one stream, a request whose
fields are all literals, and of the answer only its message. Its fields are not read, since that
would need HPACK's tables: a call that fails brings no message, which says enough.
"""

import asyncio
import struct
from typing import Final

from servingkit.core.revision import Address

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME: Final = struct.Struct(">HBBBI")
"""Two parts of a 24-bit length, type, flags, stream."""

_MOST_FRAME_BYTES: Final = 16_384
"""What a peer may send that was told nothing else."""

_DATA: Final = 0
_HEADERS: Final = 1
_RST_STREAM: Final = 3
_SETTINGS: Final = 4
_PING: Final = 6
_GOAWAY: Final = 7

_ACK: Final = 0x1
_END_STREAM: Final = 0x1
_END_HEADERS: Final = 0x4
_PADDED: Final = 0x8

_STREAM: Final = 1
_UNCOMPRESSED: Final = b"\x00"
_SERVING: Final = b"\x08\x01"
"""HealthCheckResponse with status 1."""


async def is_serving(address: Address, service: str) -> bool:
    """Return whether a server says that `service` serves; "" asks for the server as a whole.

    It may take for ever: the caller sets a time limit. `service` has at most 127 bytes.
    """
    try:
        reader, writer = await asyncio.open_connection(*address)
    except OSError:
        return False
    try:
        writer.write(_request(address, service.encode()))
        message = await _answer(reader, writer)
    except (OSError, EOFError):
        return False
    finally:
        writer.close()
    return message == _UNCOMPRESSED + len(_SERVING).to_bytes(4, "big") + _SERVING


def _request(address: Address, service: bytes) -> bytes:
    fields = (
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", b"/grpc.health.v1.Health/Check"),
        (b":authority", str(address).encode()),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        (b"user-agent", b"kube-probe/inflight"),
    )
    # A literal field that is not indexed, its name new, neither in Huffman's code (RFC 7541 6.2.2).
    block = b"".join(
        b"\x00%c%b%c%b" % (len(name), name, len(value), value) for name, value in fields
    )
    message = b"\x0a%c%b" % (len(service), service) if service else b""
    body = _UNCOMPRESSED + len(message).to_bytes(4, "big") + message
    return (
        _PREFACE
        + _frame(_SETTINGS, 0, 0, b"")
        + _frame(_HEADERS, _END_HEADERS, _STREAM, block)
        + _frame(_DATA, _END_STREAM, _STREAM, body)
    )


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    length = len(payload)
    return _FRAME.pack(length >> 8, length & 0xFF, kind, flags, stream) + payload


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Return what DATA frames bring until the stream ends; empty when the server gives up."""
    message = b""
    while True:
        high, low, kind, flags, _ = _FRAME.unpack(await reader.readexactly(_FRAME.size))
        length = high << 8 | low
        if length > _MOST_FRAME_BYTES or kind in {_RST_STREAM, _GOAWAY}:
            return b""
        payload = await reader.readexactly(length)
        if kind in {_SETTINGS, _PING} and not flags & _ACK:
            writer.write(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
        elif kind == _DATA:
            message += _without_padding(payload) if flags & _PADDED else payload
        if kind in {_DATA, _HEADERS} and (flags & _END_STREAM or len(message) > _MOST_FRAME_BYTES):
            return message


def _without_padding(payload: bytes) -> bytes:
    return payload[1 : len(payload) - payload[0]] if payload else b""
