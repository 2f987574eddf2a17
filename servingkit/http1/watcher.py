"""What a program is told of an exchange, and what it can ask for: values and one protocol.

The engine's side of these is `exchange`.
"""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from servingkit.http1.core.message import AnswerHead, Header


class Outcome(Enum):
    """How an exchange ended."""

    ANSWERED = "answered"
    """A whole answer was handed to the client's connection."""

    CLIENT_GONE = "client-gone"
    """The client left, or took nothing for too long."""

    UPSTREAM_BROKEN = "upstream-broken"
    """The answer broke off after its head had gone out; the client saw a reset."""

    TIMED_OUT = "timed-out"
    """A time limit passed after the answer's head had gone out; the client saw a reset."""

    STOPPED = "stopped"
    """The program ended it (`abort`)."""


class FailureKind(Enum):
    """What went wrong with one attempt to get an answer."""

    CONNECT = "connect"
    """No connection: refused, unreachable, or too slow."""

    CLOSED = "closed"
    """The connection closed before an answer began."""

    MALFORMED = "malformed"
    """What came was not HTTP."""

    REFUSED = "refused"
    """The watcher turned the answer down."""


class AttemptFailure(NamedTuple):
    """Why an attempt failed. `retryable`: sending the request again does no harm (RFC 9110 9.2)."""

    kind: FailureKind
    detail: str
    retryable: bool


class Edits(NamedTuple):
    """Changes to the heads of an exchange on their way; names are in lower case."""

    dropped: frozenset[bytes] = frozenset()
    """Fields of the request that do not pass."""

    added: Sequence[Header] = ()
    """Fields that the request gets."""

    host: bytes | None = None
    """The request's new Host. None: it keeps its own."""

    answer_dropped: frozenset[bytes] = frozenset()
    """Fields of the answer that do not pass."""


class TimeLimits(NamedTuple):
    """Longest times of one exchange in seconds; 0 means no limit.

    An upgraded connection obeys `idle_s` alone, and bytes count in either direction then.
    """

    max_duration_s: float = 0.0
    """From arrival to the last byte, held time included."""

    response_start_s: float = 0.0
    """From arrival to the first byte of the answer."""

    idle_s: float = 0.0
    """Without a byte of the answer, from arrival on."""


class Watcher(Protocol):
    """The program's side of one exchange; see the module's text for the order of calls."""

    def answer_started(self, head: AnswerHead) -> bool:
        """Take the upstream's answer, or turn it down (False) before the client sees it.

        It is the final one, or the 101 that makes a tunnel of the connection.
        """
        ...

    def attempt_failed(self, failure: AttemptFailure) -> None:
        """Forward again, answer, or keep the exchange for later."""
        ...

    def upstream_done(self) -> None:
        """The model is finished with this exchange; its slot is free."""
        ...

    def timed_out(self) -> None:
        """Answer now: a time limit passed and nothing has gone to the client."""
        ...

    def ended(self) -> None:
        """The exchange is over; its `status`, `outcome` and counts are final."""
        ...


class Tap(Protocol):
    """Who sees the body of somebody else's request, as it comes. Must not raise."""

    def receive_body(self, data: bytes) -> None:
        """Take a piece."""
        ...

    def receive_end(self) -> None:
        """The body is whole."""
        ...

    def original_ended(self) -> None:
        """The exchange is over; if the body was not whole, it never will be."""
        ...


class Unwatched:
    """The watcher of exchanges that the program answers by itself."""

    __slots__ = ()

    def answer_started(self, head: AnswerHead) -> bool:
        """Take any answer."""
        del head
        return True

    def attempt_failed(self, failure: AttemptFailure) -> None:
        """Never called: nothing was forwarded."""

    def upstream_done(self) -> None:
        """Never called: nothing was forwarded."""

    def timed_out(self) -> None:
        """Never called: no limit was set."""

    def ended(self) -> None:
        """Nobody wants to know."""
