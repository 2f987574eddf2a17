"""Takes the activators' stats: a websocket with `WireStatMessages` in binary frames, as Knative's.

An activator of ours signs its connection, `ws://host:8080/?activator=NAME`, and sends a frame each
second, an empty one when it has nothing to say; only frames count as a report. Knative's activator
signs only its stats and is silent while idle, so there its pings (each 3.3 s) count as well, once
its name is known.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from aiohttp import WSCloseCode, WSMsgType, web

from servingkit.clock import monotonic
from servingkit.stat_wire import StatDecodeError, WireStat, decode_wire_stats

_log = logging.getLogger(__name__)

_PROBE_AGENT = "kube-probe/"
_CLOSE_TIMEOUT_S = 5.0

OnStats = Callable[[Sequence[WireStat]], None]
"""Given the stats of one frame as it arrives. Must not wait."""


class StatReceiver:
    """The websocket server; keeps `heard_at`: when each connected activator was last heard."""

    def __init__(self, heard_at: dict[str, float], on_stats: OnStats) -> None:
        self._heard_at = heard_at
        self._on_stats = on_stats
        self._names: dict[web.WebSocketResponse, str] = {}

    def __repr__(self) -> str:
        return f"<StatReceiver {len(self._names)} connections>"

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
        signature = request.query.get("activator", "")
        self._names[socket] = signature
        _log.info("activator connected", extra={"activator": signature, "peer": request.remote})
        try:
            await self._receive(socket, signed=bool(signature))
        finally:
            self._forget(socket)
        return socket

    async def _receive(self, socket: web.WebSocketResponse, *, signed: bool) -> None:
        async for message in socket:
            if message.type is WSMsgType.PING:
                await socket.pong(message.data)
                if not signed:
                    self._hear(socket)
            elif message.type is WSMsgType.BINARY:
                try:
                    self._take(socket, decode_wire_stats(message.data))
                except StatDecodeError as error:
                    await self._refuse(socket, str(error))
            elif message.type is WSMsgType.TEXT:
                await self._refuse(socket, "a text frame")

    def _take(self, socket: web.WebSocketResponse, stats: Sequence[WireStat]) -> None:
        if stats and not self._names[socket]:
            self._names[socket] = stats[0].stat.pod_name
        self._hear(socket)
        self._on_stats(stats)

    def _hear(self, socket: web.WebSocketResponse) -> None:
        name = self._names[socket]
        if name:
            self._heard_at[name] = monotonic()

    async def _refuse(self, socket: web.WebSocketResponse, reason: str) -> None:
        _log.warning("bad stat frame", extra={"activator": self._names[socket], "reason": reason})
        await socket.close(code=WSCloseCode.UNSUPPORTED_DATA)

    def _forget(self, socket: web.WebSocketResponse) -> None:
        name = self._names.pop(socket)
        if name not in self._names.values():
            self._heard_at.pop(name, None)
        _log.info("activator disconnected", extra={"activator": name})

    async def _close_all(self, _: web.Application) -> None:
        """Tell the activators to connect again elsewhere, or later."""
        async with asyncio.TaskGroup() as group:
            for socket in self._names:
                group.create_task(
                    socket.close(code=WSCloseCode.SERVICE_RESTART, message=b"Restarting")
                )
