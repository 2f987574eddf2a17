"""Copies of requests for a revision whose answers nobody sees.

A mirrored request is an exchange of its own whose client is a `Shadow`: it is held, woken for,
limited and counted like any other, and what comes back is thrown away. The original's body is
passed on as it comes. The original is never made to wait: a copy that falls behind by more than
64 KiB is given up, and so is one whose original broke off before its body was whole.
"""

import logging
from collections.abc import Callable
from typing import Final

from servingkit.clock import monotonic
from servingkit.http1.engine import Engine
from servingkit.http1.exchange import Exchange
from servingkit.http1.stream import Stream
from servingkit.http1.watcher import Outcome
from servingkit.http1.wheel import NEVER, Wheel

_log = logging.getLogger(__name__)

MOST_BEHIND_BYTES: Final = 65_536
"""Of a body that waits for its upstream."""

MOST_AT_ONCE: Final = 256
"""Copies under way, for all routes. With the bound on each, they take 16 MiB at most."""


class MirrorCounts:
    """What has become of copies, as plain integers."""

    __slots__ = ("answered", "failed", "given_up", "skipped")

    def __init__(self) -> None:
        self.answered = 0
        self.failed = 0
        """No whole answer came."""
        self.given_up = 0
        """Fell behind, or the original broke off."""
        self.skipped = 0
        """Not begun: too many were under way."""

    def __repr__(self) -> str:
        return f"<MirrorCounts {self.answered} answered, {self.failed} failed>"


class Mirrors:
    """Begins copies, and bounds how many there are."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._under_way = 0

    def __repr__(self) -> str:
        return f"<Mirrors {self._under_way} under way>"

    def begin(
        self, original: Exchange, service: Callable[[Exchange], None], counts: MirrorCounts
    ) -> None:
        """Have `service` take a copy of a request whose body has not begun to arrive."""
        if original.request.wants_websocket or original.ended:
            return
        if self._under_way >= MOST_AT_ONCE:
            counts.skipped += 1
            return
        self._under_way += 1

        def over() -> None:
            self._under_way -= 1

        shadow = Shadow(self._engine.wheel, counts, over)
        copy = Exchange(original.request, shadow, self._engine.pool, original.peer, monotonic())
        shadow.exchange = copy
        try:
            service(copy)
            copy.settle()
            original.add_tap(shadow)
        except Exception:  # noqa: BLE001 -- the boundary of the copy: the original goes on
            _log.exception("mirroring failed", extra={"copy": repr(copy)})
            copy.abort()


class Shadow:
    """The client of a copy, which takes all and keeps nothing, and the tap on the original.

    It is what `Exchange` asks of a client's connection, and a `Deadline` of the wheel.
    """

    __slots__ = (
        "_behind_bytes",
        "_counts",
        "_gave_up",
        "_on_over",
        "_paused",
        "_wheel",
        "closing",
        "deadline_at",
        "exchange",
        "feeding",
        "out",
        "wheel_slot",
    )

    def __init__(self, wheel: Wheel, counts: MirrorCounts, on_over: Callable[[], None]) -> None:
        self.exchange: Exchange
        self.out: list[bytes] = []
        self.feeding = False
        self.closing = False
        self.deadline_at = NEVER
        self.wheel_slot = -1
        self._wheel = wheel
        self._counts = counts
        self._on_over = on_over
        self._paused = False
        self._behind_bytes = 0
        self._gave_up = False

    def __repr__(self) -> str:
        return f"<Shadow {self._behind_bytes} bytes behind>"

    # --- the original's tap -----------------------------------------------------------------------

    def receive_body(self, data: bytes) -> None:
        """Pass a piece of the original's body on."""
        copy = self.exchange
        if copy.ended:
            return
        try:
            copy.receive_body(data)
            copy.settle()
        except Exception:  # noqa: BLE001 -- the boundary of the copy: the original goes on
            _log.exception("mirroring failed", extra={"copy": repr(copy)})
            copy.abort()
        if self._paused:
            self._behind_bytes += len(data)
            if self._behind_bytes > MOST_BEHIND_BYTES:
                self._give_up()

    def receive_end(self) -> None:
        """The original's body is whole."""
        if not self.exchange.ended:
            self.exchange.receive_end()
            self.exchange.settle()

    def original_ended(self) -> None:
        """Give up a copy that would wait for the rest of its body for ever."""
        if not self.exchange.request_complete:
            self._give_up()

    # --- the copy's client ------------------------------------------------------------------------

    def flush(self) -> None:
        """Throw the answer away."""
        self.out.clear()

    def write_paused(self) -> bool:
        """Return that it never is."""
        return False

    def pause_reading(self) -> None:
        """Count from now on how far the copy falls behind."""
        self._paused = True

    def resume_reading(self) -> None:
        """The copy has caught up."""
        self._paused = False
        self._behind_bytes = 0

    def keeps_alive(self) -> bool:
        """Return what spares the answer a header that nobody reads."""
        return True

    def set_deadline(self, at: float) -> None:
        """Be called back then."""
        self._wheel.set(self, at)

    def on_deadline(self, now: float) -> None:
        """Pass on that time is up."""
        self.exchange.on_deadline(now)

    def exchange_over(self) -> None:
        """Count what became of it."""
        self._wheel.remove(self)
        self.out.clear()
        counts = self._counts
        if self._gave_up:
            counts.given_up += 1
        elif self.exchange.outcome is Outcome.ANSWERED:
            counts.answered += 1
        else:
            counts.failed += 1
        self._on_over()

    def start_tunnel(self, upstream: Stream) -> None:
        """Never called: upgrades are not mirrored."""

    def reset(self) -> None:
        """Nobody is there to see it."""

    def _give_up(self) -> None:
        if not self.exchange.ended:
            self._gave_up = True
            self.exchange.abort()
