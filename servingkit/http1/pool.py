"""Connections to upstreams: opened when needed, kept for a short while, the last used first."""

import asyncio
import logging
from typing import Final, cast

from servingkit.core.revision import Address
from servingkit.http1.core.known_heads import KnownHeads
from servingkit.http1.core.message import AnswerHead
from servingkit.http1.stream import Caller
from servingkit.http1.upstream import UpstreamConnection
from servingkit.http1.wheel import TICK_S, Wheel

_log = logging.getLogger(__name__)

IDLE_S: Final = 2.0
"""How long a connection waits for reuse when its upstream does not say how long it may. Model
servers close theirs after 5 s (uvicorn) or more; whoever closes first decides whether a request
falls into the gap."""

_MARGIN_S: Final = 1.0
"""So much before the time that an upstream states its connection is no longer used."""

_MOST_IDLE_S: Final = 60.0
"""However long an upstream says that it waits."""

CONNECT_S: Final = 2.0
"""Time for a connection to come about."""

_MOST_IDLE: Final = 1_000


class ConnectError(Exception):
    """No connection came about; the text says to where and why."""

    def __init__(self, address: Address, detail: str) -> None:
        super().__init__(f"no connection to {address}: {detail}")
        self.address = address


class UpstreamPool:
    """Idle connections by address. The newest is reused first, so that surplus ones grow old."""

    def __init__(self, tasks: asyncio.TaskGroup, wheel: Wheel) -> None:
        self._tasks = tasks
        self._wheel = wheel
        self._idle: dict[Address, list[UpstreamConnection]] = {}
        self._open: set[UpstreamConnection] = set()
        self._known_heads = KnownHeads[AnswerHead]()
        wheel.on_tick(self._close_aged)

    def __repr__(self) -> str:
        return f"<UpstreamPool {self.open_connections} open, {self.idle_connections} idle>"

    @property
    def open_connections(self) -> int:
        """How many connections there are, in use or idle."""
        return len(self._open)

    @property
    def idle_connections(self) -> int:
        """How many connections wait for reuse."""
        return sum(map(len, self._idle.values()))

    def take(self, address: Address) -> UpstreamConnection | None:
        """Return an idle connection; one that has rested for over a tick is checked first."""
        stack = self._idle.get(address)
        while stack:
            connection = stack.pop()
            rested_s = self._wheel.now - connection.idle_since
            if rested_s <= TICK_S:
                return connection
            if rested_s <= _longest_rest_s(connection) and connection.usable():
                return connection
            connection.close()
        return None

    def connect(self, address: Address, caller: Caller, attempt: int) -> None:
        """Open a connection for an exchange; if it is no longer wanted, keep it for others."""
        self._tasks.create_task(self._connect_for(address, caller, attempt))

    async def open(self, address: Address) -> UpstreamConnection:
        """Open a connection. Raises ConnectError."""
        connection = UpstreamConnection(address, self._known_heads, self.put, self.forget)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_S):
                await loop.create_connection(lambda: cast("asyncio.Protocol", connection), *address)
        except TimeoutError as error:
            raise ConnectError(address, f"nothing within {CONNECT_S:g} s") from error
        except OSError as error:
            raise ConnectError(address, error.strerror or str(error)) from error
        if connection.sock is not None:  # else it was lost in the same turn of the loop
            self._open.add(connection)
        return connection

    def put(self, connection: UpstreamConnection) -> None:
        """Keep an idle connection."""
        stack = self._idle.setdefault(connection.address, [])
        if len(stack) < _MOST_IDLE and _longest_rest_s(connection) > 0:
            connection.reused = True
            connection.idle_since = self._wheel.now
            stack.append(connection)
        else:
            connection.close()

    def forget(self, connection: UpstreamConnection) -> None:
        """Drop a connection that is gone."""
        self._open.discard(connection)
        stack = self._idle.get(connection.address)
        if stack and connection in stack:
            stack.remove(connection)

    def close_idle(self, address: Address | None = None) -> None:
        """Close the idle connections to `address`, or all of them."""
        for known in (address,) if address is not None else tuple(self._idle):
            for connection in self._idle.pop(known, ()):
                connection.close()

    async def _connect_for(self, address: Address, caller: Caller, attempt: int) -> None:
        try:
            try:
                connection = await self.open(address)
            except ConnectError as error:
                caller.connect_failed(attempt, str(error))
            else:
                if not caller.connected(connection, attempt):
                    self.put(connection)
        except Exception:  # noqa: BLE001 -- the request boundary: others share the TaskGroup
            _log.exception("request could not be forwarded", extra={"address": str(address)})
            caller.abort()

    def _close_aged(self, now: float) -> None:
        for address, stack in tuple(self._idle.items()):
            while stack and now - stack[0].idle_since > _longest_rest_s(stack[0]):
                stack.pop(0).close()
            if not stack:
                del self._idle[address]


def _longest_rest_s(connection: UpstreamConnection) -> float:
    said_s = connection.idle_s
    return IDLE_S if said_s is None else min(said_s - _MARGIN_S, _MOST_IDLE_S)
