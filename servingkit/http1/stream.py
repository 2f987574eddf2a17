"""What an exchange and the connections on its two sides ask of each other.

`Client` is the side that the request came from, `Upstream` the side that it goes to. Both could be
streams of HTTP/2: nothing here speaks of a transport or of HTTP/1.1 text.
"""

from collections.abc import Sequence
from typing import Protocol

from servingkit.core.revision import Address
from servingkit.http1.core.message import AnswerHead, Header
from servingkit.http1.watcher import FailureKind


class Stream(Protocol):
    """What an exchange needs of a connection, on either side."""

    out: list[bytes]
    """Bytes that the next `flush` writes."""

    def flush(self) -> None:
        """Write what `out` holds, at once."""
        ...

    def write_paused(self) -> bool:
        """Return whether the peer takes bytes more slowly than they come."""
        ...

    def pause_reading(self) -> None:
        """Take no more bytes from the peer for now."""
        ...

    def resume_reading(self) -> None:
        """Take bytes again."""
        ...


class Client(Stream, Protocol):
    """The connection that the request came on."""

    feeding: bool
    """Whether bytes of the client are being parsed; answers wait until that is done."""

    closing: bool
    """Whether the connection will not serve another exchange."""

    def keeps_alive(self) -> bool:
        """Return whether the connection may serve another exchange after this one."""
        ...

    def set_deadline(self, at: float) -> None:
        """Have the exchange's `on_deadline` called at this time."""
        ...

    def exchange_over(self) -> None:
        """Go on with the next request, or close."""
        ...

    def start_tunnel(self, upstream: Stream) -> None:
        """Pass bytes to `upstream` as they come, from now on."""
        ...

    def reset(self) -> None:
        """Close so that the client sees a failure."""
        ...


class Receiver(Protocol):
    """Who takes the answer: an exchange, or a fetch of our own."""

    def receive_answer_head(self, head: AnswerHead, now: float) -> None:
        """Take a 1xx or the final head."""
        ...

    def receive_answer_body(self, data: bytes) -> None:
        """Take a piece of the body."""
        ...

    def receive_answer_end(self, trailers: Sequence[Header]) -> None:
        """Take the end; `settle_answer` follows."""
        ...

    def settle_answer(self, now: float) -> None:
        """Act on what one read brought."""
        ...

    def upstream_lost(self, kind: FailureKind, detail: str) -> None:
        """No answer will come, or no more of it."""
        ...

    def upstream_paused(self) -> None:
        """Hold the request's body back."""
        ...

    def upstream_resumed(self) -> None:
        """Go on with the body."""
        ...

    def tunnel_closed(self) -> None:
        """The upgraded connection ended."""
        ...


class Upstream(Stream, Protocol):
    """The connection that the request goes out on."""

    reused: bool
    """Whether it has rested in the pool, so that it may have died unseen."""

    def begin(self, receiver: Receiver, *, to_head: bool) -> None:
        """Serve `receiver` from now on; `to_head`: its request is a HEAD."""
        ...

    def release(self, *, request_sent: bool) -> None:
        """The answer is whole: keep the connection for others if it can be kept."""
        ...

    def discard_answer(self, *, request_sent: bool) -> None:
        """The rest of the answer is not wanted: read it away, then as `release`."""
        ...

    def start_tunnel(self, client: Stream) -> None:
        """Pass bytes to `client` as they come, from now on."""
        ...

    def close(self) -> None:
        """Close now; nothing is called back."""
        ...


class Caller(Protocol):
    """Who waits for a connection to an upstream."""

    def connected(self, upstream: Upstream, attempt: int) -> bool:
        """Use the connection that was opened for `attempt`; False when it is no longer wanted."""
        ...

    def connect_failed(self, attempt: int, detail: str) -> None:
        """No connection came about."""
        ...

    def abort(self) -> None:
        """Give up: something went wrong that cannot be answered."""
        ...


class Dialer(Protocol):
    """Where an exchange gets upstream connections from."""

    def take(self, address: Address) -> Upstream | None:
        """Return an idle connection that is still good."""
        ...

    def connect(self, address: Address, caller: Caller, attempt: int) -> None:
        """Open one; `caller.connected` or `caller.connect_failed` follows, never at once."""
        ...
