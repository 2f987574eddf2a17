"""A client's connection: requests have their turns, answers go back in order.

Each request becomes an `Exchange`, which does the rest. Requests that a client sends ahead
(pipelining) wait here until the one before them has ended. Its counterpart is `upstream`.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from sys import intern
from typing import TYPE_CHECKING, Final, cast

from servingkit.clock import monotonic
from servingkit.http1.core.forwarding import encode_own_answer
from servingkit.http1.core.known_heads import KnownHeads
from servingkit.http1.core.message import MessageError, RequestHead
from servingkit.http1.exchange import Exchange
from servingkit.http1.request_reader import RequestLimits, RequestReader
from servingkit.http1.stream import Dialer, Stream
from servingkit.http1.transport import peer_present, reset, tcp_socket
from servingkit.http1.wheel import NEVER, TICK_S, Wheel

if TYPE_CHECKING:
    import socket

_log = logging.getLogger(__name__)

_PIPELINED: Final = 16
_NOTHING: Final = memoryview(b"")

Service = Callable[[Exchange], None]
"""The program: called once for each request when its head is complete and its turn has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """What a client may do."""

    request: RequestLimits = field(default_factory=RequestLimits)

    head_s: float = 60.0
    """Time for a request's head, from its first byte; beyond: 408."""

    idle_s: float = 600.0
    """Time that a connection may stand without a request."""

    most_age_s: float = 60.0
    """Answers on older connections say `Connection: close`, so that clients spread again over what
    there is by then. Each connection draws its own limit, a quarter less to a quarter more."""

    stalled_s: float = 60.0
    """Time in which a client must take at least one byte of an answer that waits for it, or send
    one of a body that is waited for; beyond: a reset, or 408."""

    linger_s: float = 2.0
    """How long is read on after the last answer, so that it arrives even if the client sends."""

    linger_bytes: int = 67_108_864
    """How much is read away after the last answer."""


class Connections:
    """What all connections of one listener share: the program, limits, the read buffer."""

    def __init__(
        self,
        service: Service,
        limits: ServerLimits,
        dialer: Dialer,
        wheel: Wheel,
        buffer: memoryview,
    ) -> None:
        self.service = service
        self.limits = limits
        self.dialer = dialer
        self.wheel = wheel
        self.buffer = buffer
        self.known_heads = KnownHeads[RequestHead]()
        self.draining = False
        """While True every answer carries `Connection: close`."""
        self.open: set[ClientConnection] = set()
        self.paused: set[ClientConnection] = set()
        """Connections that are not read from: only these can lose their client unseen."""

    def __repr__(self) -> str:
        return f"<Connections {len(self.open)} open, {len(self.paused)} paused>"

    def __call__(self) -> "ClientConnection":
        """Make the protocol of a new connection (asyncio's protocol factory)."""
        return ClientConnection(self)

    def newest_silent(self) -> float:
        """Return when the newest connection came that has sent no request yet; 0: there is none."""
        silent = (c.silent_since for c in self.open if c.silent_since != NEVER)
        return max(silent, default=0.0)

    def close_idle(self) -> None:
        """Close the connections on which no request is under way."""
        for connection in tuple(self.open):
            connection.close_if_idle()

    def reset_all(self) -> None:
        """Break off everything."""
        for connection in tuple(self.open):
            connection.abort()

    def break_off(self) -> None:
        """Break off what is under way, but let answers arrive that were given."""
        for connection in tuple(self.open):
            connection.break_off()

    def look_for_clients(self) -> None:
        """End the exchanges of clients that have gone unseen."""
        for connection in tuple(self.paused):
            connection.look_for_client()


class ClientConnection:
    """One client's connection, as asyncio, RequestReader, Exchange and Wheel see it.

    An asyncio.BufferedProtocol in all but its base class, which a compiled class cannot have.
    """

    __slots__ = (
        "_discarded_bytes",
        "_due_at",
        "_exchange",
        "_incoming",
        "_lingering",
        "_old_at",
        "_pipeline",
        "_pumping",
        "_reader",
        "_received",
        "_refusal",
        "_secure",
        "_shared",
        "_stalled_at",
        "_transport",
        "_tunnel",
        "_unread",
        "_untaken_bytes",
        "_write_paused",
        "closing",
        "deadline_at",
        "feeding",
        "out",
        "peer",
        "silent_since",
        "sock",
        "wheel_slot",
    )

    def __init__(self, shared: Connections) -> None:
        self._shared = shared
        self._reader = RequestReader(self, shared.limits.request, shared.known_heads)
        self._transport: asyncio.Transport
        self.sock: socket.socket | None = None
        self.peer = ""
        self.silent_since = shared.wheel.now
        age_s = shared.limits.most_age_s * random.uniform(0.75, 1.25)  # noqa: S311 -- no secret
        self._old_at = shared.wheel.now + age_s
        self.out: list[bytes] = []
        self.feeding = False
        self.closing = False
        self.deadline_at = NEVER
        self.wheel_slot = -1
        self._incoming: Exchange | None = None  # whose body is being received
        self._exchange: Exchange | None = None  # whose turn it is
        self._pipeline: list[Exchange] = []  # whose turn has not come
        self._unread = _NOTHING
        self._refusal: MessageError | None = None
        self._pumping = False
        self._write_paused = False
        self._due_at = NEVER
        self._stalled_at = NEVER
        self._untaken_bytes = 0
        self._received = (0.0, 0)  # of which request, by its arrival, how many bytes of body
        self._lingering = False
        self._secure = False
        self._discarded_bytes = 0
        self._tunnel: Stream | None = None

    def __repr__(self) -> str:
        return f"<ClientConnection {self.peer} {self._exchange!r}, {len(self._pipeline)} waiting>"

    # --- asyncio --------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first request."""
        transport = cast("asyncio.Transport", transport)  # uvloop does not register its own
        self._transport = transport
        self._secure = transport.get_extra_info("sslcontext") is not None
        self.sock = tcp_socket(transport)
        peer = transport.get_extra_info("peername")
        self.peer = intern(peer[0]) if peer else ""  # most connections come from few peers
        self._shared.open.add(self)
        self.set_deadline(self._shared.wheel.now + self._shared.limits.head_s)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend the buffer of all connections: what is read is parsed before the next read."""
        del sizehint
        return self._shared.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read."""
        data = self._shared.buffer[:nbytes]
        if self._lingering:
            self._discarded_bytes += nbytes
            if self._discarded_bytes > self._shared.limits.linger_bytes:
                self.reset()
        elif self._tunnel is not None and self._exchange is not None:
            self._exchange.receive_from_tunnel(bytes(data), self._shared.wheel.now)
        elif self._refusal is None:
            self._feed(data)
            self._pump()

    def eof_received(self) -> bool:
        """Take a half-close during an exchange as the client's leaving: nobody waits for it."""
        if self._tunnel is not None:
            self._end_all()
        elif self._exchange is not None:
            self.lose_client()
        elif not self._lingering and self._transport.get_write_buffer_size():
            self._close_gracefully()
        return self._transport.get_write_buffer_size() > 0

    def connection_lost(self, exc: Exception | None) -> None:
        """End what was under way and break reference cycles."""
        del exc
        self._shared.open.discard(self)
        self._shared.paused.discard(self)
        self._end_all()
        self._shared.wheel.remove(self)
        self._reader.close()
        self.sock = None

    def pause_writing(self) -> None:
        """Stop the upstream until the client has taken what waits for it."""
        self._write_paused = True
        self._untaken_bytes = self._transport.get_write_buffer_size()
        self._stalled_at = self._shared.wheel.now + self._shared.limits.stalled_s
        self.set_deadline(self._due_at)
        if self._tunnel is not None:
            self._tunnel.pause_reading()
        elif self._exchange is not None:
            self._exchange.client_paused()

    def resume_writing(self) -> None:
        """Let the upstream go on."""
        self._write_paused = False
        self._stalled_at = NEVER
        if self._tunnel is not None:
            self._tunnel.resume_reading()
        elif self._exchange is not None:
            self._exchange.client_resumed()

    # --- RequestReader --------------------------------------------------------------------------

    def request_head(self, head: RequestHead) -> None:
        """Make an exchange, and start it if its turn has come."""
        exchange = Exchange(head, self, self._shared.dialer, self.peer, monotonic())
        self._incoming = exchange
        self._take_turn(exchange)

    def whole_request(self, head: RequestHead, body: bytes) -> None:
        """Make an exchange that has all of its request, and start it if its turn has come."""
        exchange = Exchange(head, self, self._shared.dialer, self.peer, monotonic())
        exchange.receive_whole(body)
        self._take_turn(exchange)

    def request_body(self, data: bytes) -> None:
        """Hand a piece of the body on."""
        if self._incoming is not None:
            self._incoming.receive_body(data)

    def request_end(self) -> None:
        """Hand the end on."""
        incoming, self._incoming = self._incoming, None
        if incoming is not None:
            incoming.receive_end()

    # --- Exchange -------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what `out` holds."""
        out, transport = self.out, self._transport
        if out and not transport.is_closing():
            if len(out) == 1:
                transport.write(out[0])
            elif self._secure:
                transport.write(b"".join(out))  # one record, not one for each piece
            else:
                transport.writelines(out)
        out.clear()

    def write_paused(self) -> bool:
        """Return whether the client is slower than its answers."""
        return self._write_paused

    def pause_reading(self) -> None:
        """Leave further bytes with the client; its leaving is looked for at each tick."""
        if self not in self._shared.paused and not self._transport.is_closing():
            self._shared.paused.add(self)
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if self in self._shared.paused and not self._transport.is_closing():
            self._shared.paused.discard(self)
            self._transport.resume_reading()

    def keeps_alive(self) -> bool:
        """Return whether the connection is to stay open after this answer."""
        shared = self._shared
        return not (self.closing or shared.draining or shared.wheel.now >= self._old_at)

    def set_deadline(self, at: float) -> None:
        """Be called back then, or before it to see whether the client has stalled."""
        self._due_at = at
        if self._stalled_at < at:  # noqa: PLR1730 -- min() is a call
            at = self._stalled_at
        if self.wheel_slot >= 0 and at >= self.wheel_slot * TICK_S:
            self.deadline_at = at  # as Wheel.set does; nearly all end here, three for each request
        else:
            self._shared.wheel.set(self, at)

    def exchange_over(self) -> None:
        """Let the next request have its turn, or close."""
        self._exchange = None
        if not self.feeding:
            self._pump()

    def start_tunnel(self, upstream: Stream) -> None:
        """Pass bytes on without looking at them."""
        self._tunnel = upstream
        data, self._unread = self._unread, _NOTHING
        self.resume_reading()
        if data and self._exchange is not None:
            self._exchange.receive_from_tunnel(bytes(data), self._shared.wheel.now)

    def reset(self) -> None:
        """Close with a reset."""
        self.closing = True
        reset(self._transport)

    # --- Connections and Wheel ------------------------------------------------------------------

    def lose_client(self) -> None:
        """The client is gone: close, and end its exchange."""
        self.reset()
        self._end_all()

    def look_for_client(self) -> None:
        """Lose a client that is gone; what is left of a tunnel is read to its end."""
        if self._tunnel is None and self.sock is not None and not peer_present(self.sock):
            self.lose_client()

    def break_off(self) -> None:
        """Reset if a request is under way; else close when the last answer has been taken."""
        if self._exchange is not None:
            self.abort()
        elif not self._lingering:
            self._transport.close()

    def abort(self) -> None:
        """Reset, whatever is under way."""
        if self._exchange is not None:
            self._exchange.abort()
        self.reset()

    def close_if_idle(self) -> None:
        """Close unless a request is under way or begun."""
        if self._exchange is None and not self._reader.head_begun and not self._lingering:
            self._close_gracefully()

    def on_deadline(self, now: float) -> None:
        """See whether the client has stalled, and whether what was to be done then is due."""
        if self._stalled_at <= now:
            self._stalled_at = NEVER
            if self._write_paused and self._took_nothing():
                self.lose_client()
                return
            if self._sent_nothing():
                self._refuse(MessageError(408, "the request's body took too long"))
                self._pump()
                return
            if self._write_paused or self._incoming is not None:
                self._stalled_at = now + self._shared.limits.stalled_s
        due = self._due_at <= now
        self.set_deadline(NEVER if due else self._due_at)
        if due:
            self._come_due(now)

    # --- inside ---------------------------------------------------------------------------------

    def _come_due(self, now: float) -> None:
        if self._lingering:
            self._linger_on()
        elif self._exchange is not None:
            self._exchange.on_deadline(now)
        elif self._reader.head_begun:
            self._refuse(MessageError(408, "the request's head took too long"))
            self._pump()
        else:
            self._close_gracefully()

    def _feed(self, data: memoryview) -> None:
        """Read requests, but stop while too many wait or one may become a tunnel.

        It stops between requests only: an exchange that lacks a part of its body has `_unread`
        empty, so it may resume reading without a thought for the order of bytes.
        """
        self.feeding = True
        try:
            while data:
                busy = self._exchange is not None or self._pipeline
                if busy and not self._reader.in_body and self._enough_read():
                    self._unread = memoryview(bytes(data))
                    self.pause_reading()
                    return
                data = self._reader.feed(data)
            if self._incoming is not None:
                self._await_body(self._incoming)
        except MessageError as error:
            self._refuse(error)
        except Exception:  # noqa: BLE001 -- the request boundary
            _log.exception("request could not be taken", extra={"peer": self.peer})
            self._refuse(MessageError(500, "internal error"))
        finally:
            self.feeding = False

    def _await_body(self, incoming: Exchange) -> None:
        if incoming is not self._exchange:
            self.pause_reading()  # its turn has not come, and its body waits with the client
        if self._stalled_at == NEVER:
            self._stalled_at = self._shared.wheel.now + self._shared.limits.stalled_s
            self._received = (incoming.started_at, incoming.request_bytes)
            self.set_deadline(self._due_at)

    def _take_turn(self, exchange: Exchange) -> None:
        self.silent_since = NEVER
        if self._exchange is None and not self._pipeline and not self.closing:
            self._start(exchange)
        else:
            self._pipeline.append(exchange)

    def _enough_read(self) -> bool:
        return len(self._pipeline) >= _PIPELINED or self._reader.tunnel_wanted

    def _start(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._due_at = NEVER
        self.deadline_at = self._stalled_at  # as set_deadline(NEVER) does
        try:
            self._shared.service(exchange)
        except Exception:  # noqa: BLE001 -- the request boundary
            _log.exception("request handling failed", extra={"peer": self.peer})
            exchange.answer(500, (), b"internal error\n")

    def _pump(self) -> None:
        """Let exchanges have their turns until one has to wait.

        A loop: an exchange that ends at once calls in here again, and then the outer call goes on.
        """
        if self._pumping:
            return
        self._pumping = True
        try:
            while not self._transport.is_closing() and not self._lingering:
                exchange = self._exchange
                if exchange is None:
                    if not self._go_on():
                        return
                else:
                    exchange.settle()
                    if self._exchange is exchange:
                        return
        finally:
            self._pumping = False

    def _go_on(self) -> bool:
        """Do the next thing after an exchange; False when there is nothing but to wait."""
        if self.closing:
            self._close_gracefully()
        elif self._pipeline:
            self._start(self._pipeline.pop(0))
        elif self._refusal is not None:
            self._answer_refusal(self._refusal)
        elif self._unread:
            data, self._unread = self._unread, _NOTHING
            self._feed(data)
        else:
            self._wait_for_request()
            return False
        return True

    def _wait_for_request(self) -> None:
        limits = self._shared.limits
        if not self._reader.head_begun:
            self.set_deadline(self._shared.wheel.now + limits.idle_s)
        elif self._due_at > self._shared.wheel.now + limits.head_s:
            self.set_deadline(self._shared.wheel.now + limits.head_s)
        self.resume_reading()

    def _refuse(self, error: MessageError) -> None:
        """Take no more requests: what has come cannot be read."""
        incoming, self._incoming = self._incoming, None
        self._refusal = error
        if incoming is None:
            return
        if incoming is self._exchange:
            self.closing = True
            incoming.receive_malformed(error)
        else:
            self._pipeline.remove(incoming)  # those before it are answered first

    def _answer_refusal(self, error: MessageError) -> None:
        headers, body = error.answer()
        head = encode_own_answer(error.status, headers, body, minor_version=1, keep_alive=False)
        self.out += (head, body)
        self._close_gracefully()

    def _close_gracefully(self) -> None:
        """Send what is left and an end, and read on until the client closes or time is up.

        If we closed at once, a client that still sends would be reset and lose our last answer.
        """
        if self._transport.is_closing():
            return
        self.flush()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        elif self._incoming is None and self._refusal is None:
            # TLS has no half-close: nothing is sent after its end, but what still came would be
            # an error, and a reset with it. This client has sent all that it had to.
            self._transport.close()
            return
        self._lingering = True
        self._untaken_bytes = self._transport.get_write_buffer_size()
        self._wait_lingering()
        self.resume_reading()

    def _wait_lingering(self) -> None:
        limits = self._shared.limits
        self._stalled_at = NEVER
        wait_s = limits.stalled_s if self._untaken_bytes else limits.linger_s
        self.set_deadline(self._shared.wheel.now + wait_s)

    def _linger_on(self) -> None:
        """Go on lingering while the client takes its answer; cut it off when it does not."""
        if not self._took_nothing():
            self._wait_lingering()
        elif self._untaken_bytes:
            self.reset()
        else:
            self._transport.abort()

    def _end_all(self) -> None:
        self.closing = True
        self._incoming = None
        self._pipeline.clear()  # their turn had not come: the program does not know them
        exchange = self._exchange
        if exchange is None:
            return
        if self._tunnel is not None:
            exchange.tunnel_closed()
        else:
            exchange.client_gone()

    def _took_nothing(self) -> bool:
        """Return whether the client took no byte since this was last looked at."""
        untaken_bytes = self._transport.get_write_buffer_size()
        took_nothing = untaken_bytes >= self._untaken_bytes
        self._untaken_bytes = untaken_bytes
        return took_nothing

    def _sent_nothing(self) -> bool:
        """Return whether a body is waited for of which no byte came since this was last looked at.

        Once the answer has begun, the two talk as they like.
        """
        incoming = self._incoming
        if incoming is None or incoming.answer_begun or self in self._shared.paused:
            return False
        before = self._received
        self._received = (incoming.started_at, incoming.request_bytes)
        return self._received == before
