"""The engine of one event loop: listeners, upstream connections and the timer that they share."""

import asyncio
import ssl
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, cast

from servingkit.clock import monotonic
from servingkit.http1.downstream import Connections, ServerLimits, Service
from servingkit.http1.pool import UpstreamPool
from servingkit.http1.transport import notice_vanished_peers
from servingkit.http1.wheel import Wheel

if TYPE_CHECKING:
    from collections.abc import Callable

_READ_BUFFER_BYTES: Final = 65_536

_LAST_ANSWERS_S: Final = 2.0
"""How long an engine that ends waits for clients to take answers that were given."""


class Listener:
    """One listening port and the connections that came in on it."""

    def __init__(self, server: asyncio.Server, connections: Connections) -> None:
        self._server = server
        self._connections = connections
        self.port: int = server.sockets[0].getsockname()[1]
        """The port in use; the one asked for, or the system's choice if that was 0."""

    def __repr__(self) -> str:
        return f"<Listener :{self.port} {self._connections!r}>"

    @property
    def open_connections(self) -> int:
        """How many clients are connected."""
        return len(self._connections.open)

    def newest_silent_connection(self) -> float:
        """Return when the newest client came that has asked nothing yet; 0: there is none."""
        return self._connections.newest_silent()

    def drain(self, *, draining: bool = True) -> None:
        """Have every answer tell its client to come back elsewhere, from now on or no longer."""
        self._connections.draining = draining

    def close(self) -> None:
        """Accept no more connections, close the idle ones, and the others when they are."""
        self._server.close()
        self._connections.draining = True
        self._connections.close_idle()

    def is_over(self) -> bool:
        """Return whether the port is closed and nobody is connected any more."""
        return not self._server.is_serving() and not self._connections.open

    def look_for_clients(self) -> None:
        """End the exchanges of clients that have gone unseen; the engine's tick calls this."""
        self._connections.look_for_clients()

    def break_off(self) -> None:
        """Accept no more connections, reset what is under way, and let given answers arrive."""
        self._server.close()
        self._connections.break_off()

    def abort(self) -> None:
        """Accept no more connections and reset all."""
        self._server.close()
        self._connections.reset_all()


class Engine:
    """What listeners and clients of one event loop share. Use it as `async with Engine() as e`.

    At its end requests that are under way are reset; answers that were given still arrive.
    """

    def __init__(self) -> None:
        self.wheel = Wheel()
        self._tasks = asyncio.TaskGroup()
        self.pool = UpstreamPool(self._tasks, self.wheel)
        self._ticking: asyncio.Task[None] | None = None
        self._listeners: list[Listener] = []
        self._buffer = memoryview(bytearray(_READ_BUFFER_BYTES))
        self.wheel.on_tick(self._look_after_listeners)

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._ticking = self._tasks.create_task(self.wheel.run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for listener in self._listeners:
            listener.break_off()
        if kind is None:
            await self._wait_for_last_answers()
        for listener in self._listeners:
            listener.abort()
        if self._ticking is not None:
            self._ticking.cancel()
        await self._tasks.__aexit__(kind, error, traceback)
        self.pool.close_idle()

    async def listen(
        self,
        service: Service,
        host: str,
        port: int,
        limits: ServerLimits | None = None,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> Listener:
        """Serve `service` on a port; 0 lets the system choose. Raises OSError."""
        connections = Connections(
            service, limits or ServerLimits(), self.pool, self.wheel, self._buffer
        )
        loop = asyncio.get_running_loop()
        factory = cast("Callable[[], asyncio.BufferedProtocol]", connections)
        server = await loop.create_server(factory, host, port, backlog=4096, ssl=tls)
        for sock in server.sockets:
            notice_vanished_peers(sock)
        listener = Listener(server, connections)
        self._listeners.append(listener)
        return listener

    async def _wait_for_last_answers(self) -> None:
        give_up_at = monotonic() + _LAST_ANSWERS_S
        pause_s = 0.0  # most often all are gone after a turn of the loop
        while monotonic() < give_up_at and any(known.open_connections for known in self._listeners):
            await asyncio.sleep(pause_s)
            pause_s = 0.01

    def _look_after_listeners(self, now: float) -> None:
        del now
        for listener in self._listeners:
            listener.look_for_clients()
        if any(listener.is_over() for listener in self._listeners):
            self._listeners = [known for known in self._listeners if not known.is_over()]
