"""One request and its answer, between the connection it came on and the one it goes out on.

The program sees only this object: a request head, `forward`, `answer`, and a watcher that is told
what happens. It sees no transport and no HTTP/1.1 text, so that an HTTP/2 stream can stand on
either side. Its counterparts are `downstream` (the client's connection) and `upstream`.

What a watcher can rely on
    * Each `forward` is followed by exactly one of `attempt_failed` and `upstream_done`. Either way
      the model no longer works for this exchange, so a slot that was taken is free again.
    * After `attempt_failed` the exchange is held again: the watcher forwards it elsewhere, answers
      it, or keeps it.
    * `ended` comes exactly once, last, whatever happened.
    * In `answer_started` it may set `answer_added`, fields that the answer gets, or `abort`.
    * Nothing is called back from inside `forward`; `answer` and `abort` may call `upstream_done`
      and `ended` before they return.

A worked example (a sidecar, the client leaves while the model computes): `service(exchange)` takes
a slot and calls `forward`; the client's connection closes; `upstream_done` frees the slot;
`ended` closes the books with status 499. Nothing else follows.
"""

from collections.abc import Sequence
from typing import Final

from servingkit.core.revision import Address
from servingkit.http1.core.forwarding import (
    encode_answer,
    encode_chunk,
    encode_informational,
    encode_last_chunk,
    encode_own_answer,
    encode_request,
    encode_stream_head,
    with_close,
)
from servingkit.http1.core.message import CHUNKED, AnswerHead, Header, MessageError, RequestHead
from servingkit.http1.stream import Client, Dialer, Upstream
from servingkit.http1.watcher import (
    AttemptFailure,
    Edits,
    FailureKind,
    Outcome,
    Tap,
    TimeLimits,
    Unwatched,
    Watcher,
)
from servingkit.http1.wheel import NEVER

CLIENT_CLOSED_REQUEST: Final = 499
"""nginx's status for a client that left before its answer began; only ever logged and counted."""

REPLAY_BYTES: Final = 65_536
"""A request body up to this size can be sent a second time."""

_FIRST_FINAL_STATUS: Final = 200
_SWITCHING_PROTOCOLS: Final = 101
_IDEMPOTENT: Final = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"))

_UNWATCHED: Final = Unwatched()
_NO_EDITS: Final = Edits()


class Exchange:
    """One request and its answer. Programs use the names without an underscore."""

    __slots__ = (
        "_address",
        "_answer_complete",
        "_attempt",
        "_attempt_open",
        "_chunked_to_client",
        "_client",
        "_committed",
        "_dialer",
        "_early_head_at",
        "_edits",
        "_kept",
        "_own_answer",
        "_progress_at",
        "_replayable",
        "_tap",
        "_time_limits",
        "_upstream",
        "answer_added",
        "answer_begun",
        "answer_bytes",
        "ended",
        "first_byte_at",
        "outcome",
        "peer",
        "request",
        "request_bytes",
        "request_complete",
        "started_at",
        "status",
        "watcher",
    )

    def __init__(
        self, request: RequestHead, client: Client, dialer: Dialer, peer: str, now: float
    ) -> None:
        self.request = request
        self.peer = peer
        self.started_at = now
        self.watcher: Watcher = _UNWATCHED
        self.status = 0
        self.outcome: Outcome | None = None
        self.answer_begun = False
        self.request_complete = False
        self.ended = False
        self.first_byte_at = 0.0
        self.request_bytes = 0
        self.answer_bytes = 0
        self.answer_added: Sequence[Header] = ()
        self._client = client
        self._dialer = dialer
        self._upstream: Upstream | None = None
        self._address: Address | None = None
        self._edits: Edits | None = None
        self._attempt = 0
        self._attempt_open = False
        self._kept: list[bytes] = []
        self._replayable = True
        self._own_answer: tuple[int, Sequence[Header], bytes] | None = None
        self._answer_complete = False
        self._early_head_at = -1  # where the head of an early answer stands that is not sent yet
        self._chunked_to_client = False
        self._committed = False
        self._tap: Tap | None = None
        self._time_limits: TimeLimits | None = None
        self._progress_at = now

    def __repr__(self) -> str:
        if self.ended:
            state = f"ended {self.outcome.value if self.outcome else ''} {self.status}"
        elif self.answer_begun:
            state = f"answering {self.status}"
        elif self._attempt_open:
            state = f"forwarded to {self._address}"
        else:
            state = "held"
        return f"<Exchange {self.request.method.decode()} {state}>"

    # --- for programs ---------------------------------------------------------------------------

    @property
    def repeatable(self) -> bool:
        """Whether sending the request again does no harm even if a model saw it (RFC 9110 9.2)."""
        return self.request.method in _IDEMPOTENT and self.replayable

    @property
    def replayable(self) -> bool:
        """Whether the whole request can be sent a second time if it is forwarded now."""
        length = self.request.body_length
        return self._replayable and (
            self.request_complete or (length != CHUNKED and length <= REPLAY_BYTES)
        )

    def limit_time(self, limits: TimeLimits) -> None:
        """Set the time limits, counted from arrival."""
        self._time_limits = limits
        self._client.set_deadline(self._deadline())

    def add_tap(self, tap: Tap) -> None:
        """Have `tap` see the request's body from its first byte. To be called before any await."""
        for data in self._kept:
            tap.receive_body(data)
        if self.request_complete:
            tap.receive_end()
        self._tap = tap

    def forward(self, address: Address, edits: Edits | None = None) -> None:
        """Send the request to `address` and its answer back, both as they come."""
        answered = self.answer_begun or self._own_answer is not None
        if self.ended or answered or self._attempt_open:
            msg = f"cannot forward {self!r}"
            raise RuntimeError(msg)
        if not self._replayable:
            msg = f"part of the body is gone: cannot forward {self!r} again"
            raise RuntimeError(msg)
        self._attempt += 1
        self._attempt_open = True
        self._address = address
        self._edits = edits
        upstream = self._dialer.take(address)
        if upstream is None:
            self._dialer.connect(address, self, self._attempt)
        else:
            self._attach(upstream)

    def answer(self, status: int, headers: Sequence[Header] = (), body: bytes = b"") -> None:
        """Answer the client directly; stops an attempt that is under way. Too late: no effect."""
        if self.ended or self.answer_begun or self._own_answer is not None:
            return
        if self._committed:
            self.abort()
            return
        self._own_answer = (status, headers, body)
        self._stop_attempt()
        if not self._client.feeding:
            self.settle()

    def withdraw(self) -> None:
        """Stop the attempt under way, so that the exchange is held again. Too late: no effect."""
        if self._attempt_open and not self.answer_begun and self._own_answer is None:
            self._stop_attempt()
            if not self.request_complete:
                self._client.pause_reading()

    def begin_stream(self, headers: Sequence[Header]) -> bool:
        """Commit to a 200 with a body of unknown length while the exchange is held.

        `send` adds to the body, and so does whoever it is forwarded to afterwards, whose own head
        is not passed on. From now on a failure can only be a reset, `answer` included. Returns
        False, and does nothing, for a client that cannot take such a body.
        """
        request, client = self.request, self._client
        if not self._is_held() or not self.request_complete:
            return False  # the rest of the request may wait for a 100
        if request.minor_version == 0 or request.method == b"HEAD" or request.wants_websocket:
            return False
        keep_alive = request.keep_alive and client.keeps_alive()
        client.closing = not keep_alive
        self.status = _FIRST_FINAL_STATUS
        self._committed = self._chunked_to_client = True
        client.out.append(encode_stream_head(headers, keep_alive=keep_alive))
        client.flush()
        return True

    def send(self, data: bytes) -> None:
        """Add to a stream that was begun, unless somebody else gives its body by now."""
        if self._committed and self._is_held() and not self._client.write_paused():
            self._client.out.append(encode_chunk(data))
            self._client.flush()

    def abort(self) -> None:
        """Break the exchange off: the client sees a reset, never an end that looks whole."""
        self._break_off(Outcome.STOPPED)

    # --- for the client's connection ------------------------------------------------------------

    def receive_whole(self, body: bytes) -> None:
        """Take the whole body and the end of the request, before the program sees it."""
        if body:
            self.request_bytes = len(body)
            self._kept.append(body)
        self.request_complete = True

    def receive_body(self, data: bytes) -> None:
        """Take a piece of the request's body."""
        self.request_bytes += len(data)
        if self._tap is not None:
            self._tap.receive_body(data)
        if self._own_answer is not None or self.ended:
            return
        if self._replayable:
            if self._upstream is None or self.request_bytes <= REPLAY_BYTES:
                self._kept.append(data)
            else:
                self._replayable = False
                self._kept.clear()
        if self._upstream is not None:
            self._send_body(data)

    def receive_end(self) -> None:
        """Take the end of the request; trailers of requests are not passed on."""
        self.request_complete = True
        if self._tap is not None:
            self._tap.receive_end()
        if self._upstream is not None:
            self._send_end()

    def receive_from_tunnel(self, data: bytes, now: float) -> None:
        """Take bytes of an upgraded connection: they pass at once, and show that it is in use."""
        self.request_bytes += len(data)
        self._progress_at = now
        upstream = self._upstream
        if upstream is not None:
            upstream.out.append(data)
            upstream.flush()
            if upstream.write_paused():
                self._client.pause_reading()

    def receive_malformed(self, error: MessageError) -> None:
        """The rest of the request cannot be read."""
        if self.answer_begun:
            self._break_off(Outcome.CLIENT_GONE)
        else:
            headers, body = error.answer()
            self.answer(error.status, headers, body)

    def settle(self) -> None:
        """Do what waited until the client's bytes were parsed."""
        if self.ended:
            return
        if self._own_answer is not None:
            self._give_own_answer(*self._own_answer)
        elif self._upstream is not None:
            self._upstream.flush()
            if not self.request_complete and not self._upstream.write_paused():
                self._client.resume_reading()
        else:
            if len(self._kept) > 1:
                # Pieces of small chunks would take many times the memory of their bytes.
                self._kept = [b"".join(self._kept)]
            if not self.request_complete:
                self._client.pause_reading()

    def client_gone(self) -> None:
        """The client left: stop the upstream at once."""
        if not self.answer_begun:
            self.status = CLIENT_CLOSED_REQUEST
        self._stop_attempt()
        self._end(Outcome.CLIENT_GONE)

    def client_paused(self) -> None:
        """The client takes bytes more slowly than they come."""
        if self._upstream is not None:
            self._upstream.pause_reading()

    def client_resumed(self) -> None:
        """The client takes bytes again."""
        if self._upstream is not None:
            self._upstream.resume_reading()

    def on_deadline(self, now: float) -> None:
        """A deadline is due; it may have moved since it was set."""
        if self.ended or now < self._deadline():
            self._set_deadline()
        elif self.answer_begun:
            self._break_off(Outcome.TIMED_OUT)
        else:
            self._time_limits = None
            self.watcher.timed_out()

    # --- for the upstream's connection ----------------------------------------------------------

    def connected(self, upstream: Upstream, attempt: int) -> bool:
        """Use a connection that was opened for `attempt`; False when it is no longer wanted."""
        if attempt != self._attempt or not self._attempt_open or self._upstream is not None:
            return False
        self._attach(upstream)
        return True

    def connect_failed(self, attempt: int, detail: str) -> None:
        """No connection came about for `attempt`."""
        if attempt == self._attempt and self._attempt_open and self._upstream is None:
            self._fail_attempt(AttemptFailure(FailureKind.CONNECT, detail, retryable=True))

    def upstream_paused(self) -> None:
        """The upstream takes the body more slowly than it comes."""
        if not self.request_complete:
            self._client.pause_reading()

    def upstream_resumed(self) -> None:
        """The upstream takes the body again."""
        if not self.request_complete:
            self._client.resume_reading()

    def receive_answer_head(self, head: AnswerHead, now: float) -> None:
        """Take a final or an informational answer head."""
        if head.status < _FIRST_FINAL_STATUS:
            if head.status == _SWITCHING_PROTOCOLS:
                self._switch_protocols(head, now)
            elif self.request.minor_version == 1 and not self._committed:
                dropped = (self._edits or _NO_EDITS).answer_dropped
                self._client.out.append(encode_informational(head, dropped))
            return
        if not self.watcher.answer_started(head):
            self._refuse(head)
            return
        if self.ended:
            return
        if self._committed:
            self._join_stream(head, now)
            return
        request = self.request
        minor_version = request.minor_version
        length = head.body_length
        delimited = length >= 0 or minor_version == 1
        keep_alive = request.keep_alive and delimited and self._client.keeps_alive()
        self.answer_begun = True
        self.first_byte_at = self._progress_at = now
        self.status = head.status
        self._chunked_to_client = length < 0 and minor_version == 1
        self._client.closing = not keep_alive
        self._kept.clear()
        if keep_alive and not self.request_complete:
            self._early_head_at = len(self._client.out)
        self._client.out.append(
            encode_answer(
                head,
                (self._edits or _NO_EDITS).answer_dropped,
                minor_version=minor_version,
                keep_alive=keep_alive,
                asked_by_head=request.method == b"HEAD",
                added=self.answer_added,
            )
        )

    def receive_answer_body(self, data: bytes) -> None:
        """Take a piece of the answer's body."""
        if self._attempt_open:
            self.answer_bytes += len(data)
            self._client.out.append(encode_chunk(data) if self._chunked_to_client else data)

    def receive_answer_end(self, trailers: Sequence[Header] = ()) -> None:
        """Take the end of the answer; it is acted on in `settle_answer`."""
        if self._attempt_open:
            if self._chunked_to_client:
                self._client.out.append(encode_last_chunk(trailers))
            self._answer_complete = True

    def settle_answer(self, now: float) -> None:
        """Pass on what one read of the upstream brought."""
        if self.ended:
            return
        self._progress_at = now
        client = self._client
        if not self.request_complete:
            self._settle_early()
        client.flush()
        if self._answer_complete:
            upstream, self._upstream = self._upstream, None
            self._attempt_open = False
            if upstream is not None:
                upstream.release(request_sent=self.request_complete)
            self.watcher.upstream_done()
            self._end(Outcome.ANSWERED)
        elif client.write_paused() and self._upstream is not None:
            self._upstream.pause_reading()

    def upstream_lost(self, kind: FailureKind, detail: str) -> None:
        """The upstream's connection broke, or closed before the answer was whole."""
        upstream, self._upstream = self._upstream, None
        if self.ended or not self._attempt_open:
            return
        if self.answer_begun:
            self._break_off(Outcome.UPSTREAM_BROKEN)
            return
        harmless = self.repeatable
        if upstream is not None and upstream.reused and harmless and self._address is not None:
            # The usual race with a keep-alive time-out; a fresh connection settles it.
            self._attempt += 1
            self._dialer.connect(self._address, self, self._attempt)
            return
        self._fail_attempt(AttemptFailure(kind, detail, retryable=harmless))

    def tunnel_closed(self) -> None:
        """One side of an upgraded connection closed: the other follows."""
        self._stop_attempt()
        self._end(Outcome.ANSWERED)

    # --- inside ---------------------------------------------------------------------------------

    def _is_held(self) -> bool:
        over = self.ended or self.answer_begun or self._own_answer is not None
        return not over and not self._attempt_open

    def _join_stream(self, head: AnswerHead, now: float) -> None:
        """Go on with a stream that was begun, if this is one."""
        if head.status != _FIRST_FINAL_STATUS:
            self._break_off(Outcome.UPSTREAM_BROKEN)
            return
        self.answer_begun = True
        self.first_byte_at = self._progress_at = now
        self._kept.clear()

    def _attach(self, upstream: Upstream) -> None:
        request = self.request
        self._upstream = upstream
        upstream.begin(self, to_head=request.method == b"HEAD")
        edits = self._edits or _NO_EDITS
        upstream.out.append(encode_request(request, edits.dropped, edits.added, edits.host))
        chunked = request.body_length == CHUNKED
        if self._kept:
            upstream.out += map(encode_chunk, self._kept) if chunked else self._kept
        if self.request_bytes > REPLAY_BYTES:
            self._replayable = False
            self._kept.clear()
        if self.request_complete and chunked:
            upstream.out.append(encode_last_chunk())
        if not self._client.feeding:
            upstream.flush()
            if not self.request_complete and not upstream.write_paused():
                self._client.resume_reading()

    def _send_body(self, data: bytes) -> None:
        assert self._upstream is not None  # noqa: S101 -- callers checked
        chunked = self.request.body_length == CHUNKED
        self._upstream.out.append(encode_chunk(data) if chunked else data)

    def _send_end(self) -> None:
        if self.request.body_length == CHUNKED and self._upstream is not None:
            self._upstream.out.append(encode_last_chunk())

    def _settle_early(self) -> None:
        """Close after an answer that is over before its request: nobody takes what still comes.

        The client is told, unless the answer's head had to be sent before this was known.
        """
        at, self._early_head_at = self._early_head_at, -1
        if self._answer_complete:
            self._client.closing = True
            if at >= 0:
                self._client.out[at] = with_close(self._client.out[at])

    def _give_own_answer(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        request = self.request
        client = self._client
        keep_alive = request.keep_alive and self.request_complete and client.keeps_alive()
        client.closing = not keep_alive
        self.status = status
        self.answer_begun = True
        client.out.append(
            encode_own_answer(
                status,
                headers,
                body,
                minor_version=request.minor_version,
                keep_alive=keep_alive,
            )
        )
        if request.method != b"HEAD":
            self.answer_bytes = len(body)
            client.out.append(body)
        client.flush()
        self._end(Outcome.ANSWERED)

    def _switch_protocols(self, head: AnswerHead, now: float) -> None:
        upstream = self._upstream
        protocol = head.fields.get(b"upgrade", b"").lower()
        if upstream is None or not self.request.wants_websocket or protocol != b"websocket":
            self._break_upstream(FailureKind.MALFORMED, "101 to what was not asked for")
            return
        if not self.watcher.answer_started(head):
            self._refuse(head)
            return
        if self.ended:
            return
        self.answer_begun = True
        self.first_byte_at = self._progress_at = now
        self.status = head.status
        self._client.closing = True
        dropped = (self._edits or _NO_EDITS).answer_dropped
        added = (*self.answer_added, (b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"))
        self._client.out.append(encode_informational(head, dropped, added))
        self._client.flush()
        upstream.start_tunnel(self._client)
        self._client.start_tunnel(upstream)
        self._set_deadline()

    def _refuse(self, head: AnswerHead) -> None:
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.discard_answer(request_sent=self.request_complete)
        detail = head.fields.get(b"inflight-reason", b"%d" % head.status).decode(errors="replace")
        self._fail_attempt(AttemptFailure(FailureKind.REFUSED, detail, retryable=self.replayable))

    def _fail_attempt(self, failure: AttemptFailure) -> None:
        self._attempt_open = False
        if not self.request_complete:
            self._client.pause_reading()
        self.watcher.attempt_failed(failure)

    def _break_upstream(self, kind: FailureKind, detail: str) -> None:
        if self._upstream is not None:
            self._upstream.close()
            self.upstream_lost(kind, detail)

    def _stop_attempt(self) -> None:
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.close()
        if self._attempt_open:
            self._attempt_open = False
            self.watcher.upstream_done()

    def _break_off(self, outcome: Outcome) -> None:
        if self.ended:
            return
        self._stop_attempt()
        self._client.reset()
        self._end(outcome)

    def _end(self, outcome: Outcome) -> None:
        if self.ended:
            return
        self.ended = True
        self.outcome = outcome
        self._kept.clear()
        watcher, self.watcher = self.watcher, _UNWATCHED  # no cycle is left to the collector
        tap, self._tap = self._tap, None
        if tap is not None:
            tap.original_ended()
        try:
            watcher.ended()
        finally:
            self._client.exchange_over()

    def _deadline(self) -> float:
        limits = self._time_limits
        if limits is None:
            return NEVER
        deadline = NEVER
        upgraded = self.status == _SWITCHING_PROTOCOLS
        if limits.max_duration_s and not upgraded:
            deadline = self.started_at + limits.max_duration_s
        if limits.response_start_s and not self.answer_begun:
            deadline = min(deadline, self.started_at + limits.response_start_s)
        if limits.idle_s:
            deadline = min(deadline, self._progress_at + limits.idle_s)
        return deadline

    def _set_deadline(self) -> None:
        self._client.set_deadline(self._deadline())
