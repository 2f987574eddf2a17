"""Takes the activators' stats: a websocket with `WireStatMessages` in binary frames, as Knative's.

An activator of ours signs its connection, `ws://host:8080/?activator=NAME`, and sends a frame each
second, an empty one when it has nothing to say; only frames count as a report. Knative's activator
signs only its stats and is silent while idle, so there its pings (each 3.3 s) count as well, once
its name is known.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from itertools import islice

from aiohttp import WSCloseCode, WSMsgType, web

from autoscaler.core.report_clock import ReportClock
from servingkit.clock import monotonic
from servingkit.core.revision import RevisionId
from servingkit.core.stat import Stat
from servingkit.stat_wire import StatDecodeError, WireStat, iterate_wire_stats

_log = logging.getLogger(__name__)

_PROBE_AGENT = "kube-probe/"
_CLOSE_TIMEOUT_S = 5.0
_STATS_A_TURN = 200
"""So many stats of one frame are taken in one turn of the loop (1 ms); a poke need not wait for a
frame of thousands."""

OnStat = Callable[[RevisionId, Stat, int], None]
"""Given each stat as it arrives, and the second for which it is counted. Must not wait."""


class _Connection:
    """One activator's connection."""

    def __init__(self, signature: str) -> None:
        self.signed = bool(signature)
        self.name = signature
        """Empty until the first stat of an unsigned one."""

        self.clock = ReportClock()


class StatReceiver:
    """The websocket server; keeps `heard_at`: when each connected activator was last heard."""

    def __init__(self, heard_at: dict[str, float], on_stat: OnStat) -> None:
        self._heard_at = heard_at
        self._on_stat = on_stat
        self._connections: dict[web.WebSocketResponse, _Connection] = {}
        self.stats = 0
        """Stats received since the start."""

        self.bad_frames = 0
        """Frames refused since the start."""

    def __repr__(self) -> str:
        return f"<StatReceiver {len(self._connections)} connections, {self.stats} stats>"

    @property
    def connections(self) -> int:
        """How many activators are connected."""
        return len(self._connections)

    def application(self) -> web.Application:
        """Return the server's routes."""
        application = web.Application()
        application.router.add_get("/", self._serve)
        application.on_shutdown.append(self._close_all)
        return application

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("User-Agent", "").startswith(_PROBE_AGENT):
            return web.Response(text="ok")
        socket = web.WebSocketResponse(autoping=False, timeout=_CLOSE_TIMEOUT_S)
        await socket.prepare(request)
        connection = self._connections[socket] = _Connection(request.query.get("activator", ""))
        facts = {"activator": connection.name, "peer": request.remote}
        _log.info("activator connected", extra=facts)
        try:
            await self._receive(socket, connection)
        finally:
            self._forget(socket)
        return socket

    async def _receive(self, socket: web.WebSocketResponse, connection: _Connection) -> None:
        async for message in socket:
            if message.type is WSMsgType.PING:
                await socket.pong(message.data)
                if not connection.signed:
                    self._hear(connection)
            elif message.type is WSMsgType.BINARY:
                try:
                    await self._take(connection, message.data)
                except StatDecodeError as error:
                    await self._refuse(socket, connection, str(error))
            elif message.type is WSMsgType.TEXT:
                await self._refuse(socket, connection, "a text frame")

    async def _take(self, connection: _Connection, frame: bytes) -> None:
        """Take a frame, in parts if it is a large one. Raises StatDecodeError."""
        now = monotonic()
        stats = iterate_wire_stats(frame)
        self._take_some(connection, islice(stats, _STATS_A_TURN), now)
        self._hear(connection)
        for first in stats:
            await asyncio.sleep(0)
            self._take_some(connection, (first, *islice(stats, _STATS_A_TURN - 1)), now)

    def _take_some(self, connection: _Connection, stats: Iterable[WireStat], now: float) -> None:
        for revision, stat in stats:
            if not connection.name:
                connection.name = stat.pod_name
            self.stats += 1
            self._on_stat(revision, stat, connection.clock.second(stat.timestamp_s, now))

    def _hear(self, connection: _Connection) -> None:
        if connection.name:
            self._heard_at[connection.name] = monotonic()

    async def _refuse(
        self, socket: web.WebSocketResponse, connection: _Connection, reason: str
    ) -> None:
        self.bad_frames += 1
        _log.warning("bad stat frame", extra={"activator": connection.name, "reason": reason})
        await socket.close(code=WSCloseCode.UNSUPPORTED_DATA)

    def _forget(self, socket: web.WebSocketResponse) -> None:
        name = self._connections.pop(socket).name
        if all(other.name != name for other in self._connections.values()):
            self._heard_at.pop(name, None)
        _log.info("activator disconnected", extra={"activator": name})

    async def _close_all(self, _: web.Application) -> None:
        """Tell the activators to connect again elsewhere, or later."""
        async with asyncio.TaskGroup() as group:
            for socket in self._connections:
                group.create_task(
                    socket.close(code=WSCloseCode.SERVICE_RESTART, message=b"Restarting")
                )
