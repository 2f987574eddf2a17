"""Where clients of one revision connect: passes bytes on, connection by connection.

It stands for the public Service and kube-proxy: each connection is pinned to one backend, chosen at
random when it opens, and stays there until one side closes it, also when the backends have changed.
It knows nothing of HTTP. Ends are passed on as they came: a closed half as a closed half, a reset
as a reset (noticed when reading goes on, if the other side was too slow to write to).
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from typing import cast

from servingkit.core.revision import Address
from servingkit.http1.transport import reset

_CONNECT_TIMEOUT_S = 5.0


class PublicEndpoint:
    """A listener that spreads connections over the backends it was last told.

    Args:
        backends: where connections go at first; never empty.
        lag_s: seconds until it follows a change of backends, as kube-proxy lags.
    """

    def __init__(self, backends: Sequence[Address], lag_s: float) -> None:
        self._backends = backends
        self._lag_s = lag_s
        self._coming: deque[Sequence[Address]] = deque()  # backends that wait for the lag
        self._server: asyncio.Server | None = None
        self._sides: set[_Side] = set()
        self._pinned: dict[_Client, Address] = {}

    def __repr__(self) -> str:
        return f"<PublicEndpoint {len(self._sides)} sockets, backends {self._backends}>"

    async def serve(self, address: Address, connects: asyncio.TaskGroup) -> int:
        """Listen; connects to backends are tasks of the group. Returns the port, raises OSError."""

        def connect(client: _Client) -> None:
            connects.create_task(self._connect(client))

        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Client(self._sides, connect), *address
        )
        return int(self._server.sockets[0].getsockname()[1])

    def follow(self, backends: Sequence[Address]) -> None:
        """Send connections that open from now on (later, by the lag) to `backends`, one or more."""
        self._coming.append(backends)
        if self._lag_s > 0:
            asyncio.get_running_loop().call_later(self._lag_s, self._set_backends)
        else:
            self._set_backends()

    def reaches(self, backend: Address) -> bool:
        """Return whether a connection goes there, or one that opens from now on may."""
        if backend in self._pinned.values():
            return True
        return any(backend in backends for backends in (self._backends, *self._coming))

    def stop_accepting(self) -> None:
        """Close the listener; open connections go on."""
        if self._server is not None:
            self._server.close()

    def reset_all(self) -> None:
        """Reset every open connection."""
        for side in tuple(self._sides):
            side.reset()

    def _set_backends(self) -> None:
        self._backends = self._coming.popleft()

    async def _connect(self, client: "_Client") -> None:
        backend = secrets.choice(self._backends)
        loop = asyncio.get_running_loop()
        self._pinned[client] = backend

        def unpin() -> None:
            self._pinned.pop(client, None)

        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                await loop.create_connection(lambda: _Backend(self._sides, client, unpin), *backend)
        except OSError:  # a TimeoutError is one
            client.reset()
            unpin()


class _Side(asyncio.Protocol):
    """One of two connections that belong together: what one reads, the other writes."""

    transport: asyncio.Transport

    def __init__(self, sides: "set[_Side]") -> None:
        self.peer: _Side | None = None
        self.read_to_end = False
        self._sides = sides

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods only
        self._sides.add(self)

    def data_received(self, data: bytes) -> None:
        if self.peer is not None and not self.peer.transport.is_closing():
            self.peer.transport.write(data)

    def pause_writing(self) -> None:
        if self.peer is not None:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer is not None and not self.peer.transport.is_closing():
            self.peer.transport.resume_reading()

    def eof_received(self) -> bool:
        self.read_to_end = True
        peer = self.peer
        if peer is None or peer.transport.is_closing():
            return False
        peer.transport.write_eof()
        if peer.read_to_end:
            self.transport.close()
            peer.transport.close()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._sides.discard(self)
        peer = self.peer
        if peer is None or peer.transport.is_closing():
            return
        if exc is None:
            peer.transport.close()
        else:
            peer.reset()

    def reset(self) -> None:
        """Close at once; the other end sees a reset, never what looks like a whole answer."""
        if not self.transport.is_closing():
            reset(self.transport)


class _Client(_Side):
    """The side that was accepted. It keeps what it reads until the backend's side is there."""

    def __init__(self, sides: set[_Side], connect: "Callable[[_Client], None]") -> None:
        super().__init__(sides)
        self._connect = connect
        self._early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._connect(self)

    def data_received(self, data: bytes) -> None:
        if self.peer is None:
            self._early += data
            self.transport.pause_reading()  # uvloop reads at least once, even if paused before
        else:
            super().data_received(data)

    def eof_received(self) -> bool:
        if self.peer is None:
            self.read_to_end = True
            return True
        return super().eof_received()

    def meet(self, backend: "_Backend") -> None:
        """Pass on what was read so far, and from now on all that comes."""
        self.peer = backend
        backend.transport.write(self._early)
        self._early = b""
        if self.read_to_end:
            backend.transport.write_eof()
        else:
            self.transport.resume_reading()


class _Backend(_Side):
    """The side that was connected for a client."""

    def __init__(self, sides: set[_Side], client: _Client, on_lost: Callable[[], None]) -> None:
        super().__init__(sides)
        self.peer = self._client = client
        self._on_lost = on_lost

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._client.transport.is_closing():
            self.reset()
        else:
            self._client.meet(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_lost()
        super().connection_lost(exc)
