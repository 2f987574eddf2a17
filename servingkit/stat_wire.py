"""Knative's protobuf messages of load: `Stat` from pods, `WireStatMessages` from activators.

    message Stat              { 1 pod_name; 2-6 doubles; 7 timestamp }
    message WireStatMessage   { string namespace = 1; string name = 2; Stat stat = 3; }
    message WireStatMessages  { repeated WireStatMessage messages = 1; }

The schema is built here from descriptors, so that no generated code lies about and no compiler is
needed. The sidecar writes its `Stat` without protobuf, in `servingkit.core.stat`.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, cast

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from servingkit.core.revision import RevisionId
from servingkit.core.stat import Stat

_Field = descriptor_pb2.FieldDescriptorProto

_STAT_FIELDS = (
    ("pod_name", _Field.TYPE_STRING),
    ("average_concurrent_requests", _Field.TYPE_DOUBLE),
    ("average_proxied_concurrent_requests", _Field.TYPE_DOUBLE),
    ("request_count", _Field.TYPE_DOUBLE),
    ("proxied_request_count", _Field.TYPE_DOUBLE),
    ("process_uptime", _Field.TYPE_DOUBLE),
    ("timestamp", _Field.TYPE_INT64),
)

_MOST = 1e12
"""Requests in flight or a second; more than anything real."""


class StatDecodeError(Exception):
    """The bytes are no message of this kind, or carry a number that cannot be."""


class WireStat(NamedTuple):
    """What an activator says of one revision."""

    revision: RevisionId
    stat: Stat


class _StatMessage(Protocol):
    """What the class that protobuf makes at run time looks like."""

    pod_name: str
    average_concurrent_requests: float
    average_proxied_concurrent_requests: float
    request_count: float
    proxied_request_count: float
    process_uptime: float
    timestamp: int


class _WireStatMessage(Protocol):
    namespace: str
    name: str
    stat: _StatMessage


class _WireStatMessages(Protocol):
    messages: Sequence[_WireStatMessage]


def _build_schema() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="stat.proto", package="metrics", syntax="proto3")
    stat = file.message_type.add(name="Stat")
    for number, (name, kind) in enumerate(_STAT_FIELDS, start=1):
        stat.field.add(name=name, number=number, type=kind, label=_Field.LABEL_OPTIONAL)
    message = file.message_type.add(name="WireStatMessage")
    for number, name in enumerate(("namespace", "name"), start=1):
        message.field.add(
            name=name, number=number, type=_Field.TYPE_STRING, label=_Field.LABEL_OPTIONAL
        )
    message.field.add(
        name="stat",
        number=3,
        type=_Field.TYPE_MESSAGE,
        type_name=".metrics.Stat",
        label=_Field.LABEL_OPTIONAL,
    )
    messages = file.message_type.add(name="WireStatMessages")
    messages.field.add(
        name="messages",
        number=1,
        type=_Field.TYPE_MESSAGE,
        type_name=".metrics.WireStatMessage",
        label=_Field.LABEL_REPEATED,
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


_POOL = _build_schema()
_Stat = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("metrics.Stat"))
_Messages = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("metrics.WireStatMessages"))


def decode_stat(data: bytes) -> Stat:
    """Return the stat that a pod serves. Raises StatDecodeError."""
    message = _parse(_Stat, data)
    return _stat(cast("_StatMessage", message))


def encode_wire_stats(stats: Iterable[WireStat]) -> bytes:
    """Return one frame as an activator sends it; no stats make an empty frame."""
    return _Messages(
        messages=[
            {
                "namespace": revision.namespace,
                "name": revision.name,
                "stat": {
                    "pod_name": stat.pod_name,
                    "average_concurrent_requests": stat.average_concurrent_requests,
                    "average_proxied_concurrent_requests": (
                        stat.average_proxied_concurrent_requests
                    ),
                    "request_count": stat.request_count,
                    "proxied_request_count": stat.proxied_request_count,
                    "process_uptime": stat.process_uptime_s,
                    "timestamp": stat.timestamp_s,
                },
            }
            for revision, stat in stats
        ]
    ).SerializeToString()


def decode_wire_stats(data: bytes) -> list[WireStat]:
    """Return what one frame of an activator says. Raises StatDecodeError."""
    return list(iterate_wire_stats(data))


def iterate_wire_stats(data: bytes) -> Iterator[WireStat]:
    """Return what one frame of an activator says, each stat made when it is asked for.

    A frame may hold thousands of stats; whoever takes them can do other things between two. Raises
    StatDecodeError at once for bytes that are no frame, and later for a number that cannot be.
    """
    frame = cast("_WireStatMessages", _parse(_Messages, data))
    return (
        WireStat(RevisionId(message.namespace, message.name), _stat(message.stat))
        for message in frame.messages
    )


def _parse(kind: type[Message], data: bytes) -> Message:
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise StatDecodeError(str(error)) from error
    return message


def _stat(message: _StatMessage) -> Stat:
    stat = Stat(
        message.pod_name,
        message.average_concurrent_requests,
        message.average_proxied_concurrent_requests,
        message.request_count,
        message.proxied_request_count,
        message.process_uptime,
        message.timestamp,
    )
    # One NaN would stay in the windows' sums for good, and a number near the largest would overflow
    # them. Either carries into the sum of the squares.
    squares = (
        stat.average_concurrent_requests * stat.average_concurrent_requests
        + stat.average_proxied_concurrent_requests * stat.average_proxied_concurrent_requests
        + stat.request_count * stat.request_count
        + stat.proxied_request_count * stat.proxied_request_count
    )
    if not squares <= _MOST * _MOST:
        reason = f"a number of {stat.pod_name!r} is not finite, or over {_MOST:g}"
        raise StatDecodeError(reason)
    return stat
