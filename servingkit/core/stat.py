"""One report of load, and its bytes as Knative's protobuf message `Stat`.

The sidecar serves a `Stat`, so it must not import protobuf (8 MiB in every model pod): seven
scalar fields are written by hand here. Everyone who reads uses protobuf, in `servingkit.stat_wire`.
"""

import struct
from typing import NamedTuple

_DOUBLE = struct.Struct("<d")
_LOW_SEVEN_BITS = 0x7F
_MORE_FOLLOWS = 0x80


class Stat(NamedTuple):
    """What one pod, or one activator for one revision, saw in the last period.

    "Proxied" is the part that came through an activator; it is contained in the totals. Counts are
    arrivals a second.
    """

    pod_name: str
    average_concurrent_requests: float = 0.0
    average_proxied_concurrent_requests: float = 0.0
    request_count: float = 0.0
    proxied_request_count: float = 0.0
    process_uptime_s: float = 0.0
    timestamp_s: int = 0
    """From an activator of ours: the number of its report, from 1. 0: not told."""


def encode_stat(stat: Stat) -> bytes:
    """Return `stat` as proto3: fields in order, zero values left out (Knative's stat.proto)."""
    parts: list[bytes] = []
    if stat.pod_name:
        name = stat.pod_name.encode()
        parts += (b"\x0a", _varint(len(name)), name)
    doubles = (
        stat.average_concurrent_requests,
        stat.average_proxied_concurrent_requests,
        stat.request_count,
        stat.proxied_request_count,
        stat.process_uptime_s,
    )
    for number, value in enumerate(doubles, start=2):
        if value != 0.0:
            parts += (bytes((number << 3 | 1,)), _DOUBLE.pack(value))
    if stat.timestamp_s:
        parts += (b"\x38", _varint(stat.timestamp_s & (1 << 64) - 1))
    return b"".join(parts)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > _LOW_SEVEN_BITS:
        out.append(value & _LOW_SEVEN_BITS | _MORE_FOLLOWS)
        value >>= 7
    out.append(value)
    return bytes(out)
