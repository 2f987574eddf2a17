"""Which proxies and which cases there are, in the order in which they run and are shown."""

from typing import Final

from loadtest.bench.case import Case, IdleCase, LoadCase
from loadtest.bench.core.names import (
    ANSWER,
    EVENTS,
    IDLE,
    POST_1,
    POST_32,
    POST_256,
    POST_OWN,
    UPLOAD,
)
from loadtest.bench.events import EVENTS_PER_SECOND
from loadtest.bench.load import EventLoad, WrkLoad
from loadtest.bench.peers.aiohttp_peer import AiohttpPeer
from loadtest.bench.peers.compiled_peer import CompiledPeer
from loadtest.bench.peers.floor_peer import FloorPeer
from loadtest.bench.peers.go_peer import GoPeer
from loadtest.bench.peers.haproxy_peer import HaproxyPeer
from loadtest.bench.peers.inflight_peer import InflightPeer
from loadtest.bench.peers.nginx_peer import NginxPeer
from loadtest.bench.peers.peer import Peer
from loadtest.bench.upstream import ANSWER_PATH, UPLOAD_PATH

_STREAMS: Final = 200
_IDLE_CONNECTIONS: Final = 1000
_QUESTION: Final = '{"instances":[[5.1,3.5,1.4,0.2],[6.7,3.0,5.2,2.3]],"id":"0"}'
_UPLOAD: Final = "5" * 64 * 1024

PEERS: Final[tuple[Peer, ...]] = (
    InflightPeer(limited=False),
    InflightPeer(limited=True),
    CompiledPeer(),
    FloorPeer(),
    NginxPeer(),
    HaproxyPeer(),
    GoPeer(),
    AiohttpPeer(),
)


def _post(name: str, connections: int) -> LoadCase:
    plural = "" if connections == 1 else "s"
    title = f"POST of {len(_QUESTION)} bytes, {connections} connection{plural}"
    return LoadCase(name, title, WrkLoad(connections, body=_QUESTION))


CASES: Final[tuple[Case, ...]] = (
    _post(POST_1, 1),
    _post(POST_32, 32),
    _post(POST_256, 256),
    LoadCase(
        POST_OWN,
        f"POST of {len(_QUESTION)} bytes, each with an X-Request-Id of its own, 32 connections",
        WrkLoad(32, body=_QUESTION, each_has_identifier=True),
    ),
    LoadCase(ANSWER, "Answer of 1 MiB, 32 connections", WrkLoad(32, ANSWER_PATH)),
    LoadCase(UPLOAD, "Upload of 64 KiB, 32 connections", WrkLoad(32, UPLOAD_PATH, _UPLOAD)),
    LoadCase(
        EVENTS,
        f"{_STREAMS} streams of {EVENTS_PER_SECOND} server-sent events a second",
        EventLoad(_STREAMS),
        limit=_STREAMS,
        upstream="events",
    ),
    IdleCase(IDLE, f"Memory, and {_IDLE_CONNECTIONS} idle connections", _IDLE_CONNECTIONS),
)
