"""One request on its way through the activator: held, sent to a pod, answered.

It stands between the exchange, whose `Watcher` it is, and the gate of its revision, which decides.
"""

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from activator.core.claim import Claim, claim_of
from activator.core.cold_start import ColdStart, server_timing
from activator.core.pod_tracker import PodTracker
from activator.core.revision_index import NAMESPACE_HEADER, REVISION_HEADER
from activator.core.wait_preference import wait_preference_s
from activator.refusals import Cause
from activator.revision_gate import MOST_RETRIES, RevisionGate
from servingkit.clock import monotonic
from servingkit.core.revision import RevisionId
from servingkit.http1.core.forwarding import X_FORWARDED_FOR, forwarded_for
from servingkit.http1.core.message import AnswerHead, Header
from servingkit.http1.exchange import Exchange
from servingkit.http1.watcher import AttemptFailure, Edits, FailureKind
from servingkit.refusal import refuse

if TYPE_CHECKING:
    from activator.core.request_counts import ClassCounts

_DROPPED: Final = frozenset(
    (
        NAMESPACE_HEADER,
        REVISION_HEADER,
        X_FORWARDED_FOR,
        b"inflight-mirror",
        b"inflight-queue",
        b"k-proxy-request",
    )
)
_DROPPED_BEHIND_STREAM: Final = _DROPPED | {b"accept-encoding"}
"""Comments of ours have gone out as they are, so the rest has to come as it is."""

_PROXIED: Final = (b"K-Proxy-Request", b"activator")
_DO_NOT_QUEUE: Final = (b"Inflight-Queue", b"0")
_MIRRORED: Final = (b"Inflight-Mirror", b"true")

_NOT_SEEN_BY_MODEL: Final = frozenset((b"queue-full", b"starting", b"shutting-down"))
"""Reasons with which a sidecar proves that the model never saw the request."""

_MODEL_FAILED: Final = frozenset((b"upstream-error", b"upstream-timeout"))
"""Reasons with which a sidecar says that its model did not answer."""

_EVENTS: Final = b"text/event-stream"
_STREAM_HEAD: Final = ((b"Content-Type", _EVENTS), (b"Cache-Control", b"no-store"))
_HEARTBEAT: Final = b": waiting for a pod\n\n"

_SHORTEST_WAIT_S: Final = 0.001
"""Stands for no wait at all, since 0 means no limit there."""


_FAIR_TIME_RATIO: Final = 0.5
"""Of a request's whole time: a pod that had less of it, since the request waited before, has not
failed. Or a long queue, whose requests are late when their turn comes, would eject sound pods."""


class Books(Protocol):
    """Where the end of a request is noted."""

    def request_ended(self, revision_id: RevisionId) -> None:
        """Close the books on a request."""
        ...


class ProxiedRequest:
    """One request (the exchange's `Watcher`, and what a gate holds and releases)."""

    __slots__ = (
        "_books",
        "_claim",
        "_classes",
        "_exchange",
        "_forwarded_at",
        "_gate",
        "_heartbeat",
        "_held_from",
        "_held_s",
        "_limits_changed",
        "_mirrored",
        "_pod",
        "_streaming",
        "_wait_preference_s",
        "arrival",
        "cold_start",
        "failed_at",
        "retries",
        "waiting",
    )

    def __init__(
        self, books: Books, gate: RevisionGate, exchange: Exchange, *, mirrored: bool = False
    ) -> None:
        """Take a request; `mirrored`: a copy, which its model is told."""
        self.arrival = 0
        self.waiting = False
        self.failed_at: PodTracker | None = None
        self.retries = 0
        self.cold_start: ColdStart | None = None
        self._books = books
        self._gate = gate
        self._exchange = exchange
        self._mirrored = mirrored
        self._pod: PodTracker | None = None
        self._claim: Claim | None = None
        self._classes: tuple[ClassCounts, ...] = ()
        self._held_from = 0.0
        self._held_s = 0.0
        self._forwarded_at = 0.0
        self._limits_changed = False
        self._wait_preference_s: int | None = None
        self._heartbeat: asyncio.TimerHandle | None = None
        self._streaming = False

    def __repr__(self) -> str:
        return f"<ProxiedRequest {self.arrival} {self._exchange!r} {self._pod!r}>"

    # --- RevisionGate ---------------------------------------------------------------------------

    @property
    def claim(self) -> Claim:
        """What it claims while it waits; looked up only then."""
        if self._claim is None:
            self._claim = claim_of(self._exchange.request, self._gate.settings)
        return self._claim

    def hold(self) -> None:
        """Wait from now on."""
        self._held_from = monotonic()
        self._classes = self._gate.classes_of(self.claim)
        for counts in self._classes:
            counts.waiting += 1
        fields = self._exchange.request.fields
        prefer = fields.get(b"prefer")
        self._wait_preference_s = None if prefer is None else wait_preference_s(prefer)
        self._limit_wait()
        period_s = self._gate.settings.sse_heartbeat_s
        if period_s and _EVENTS in fields.get(b"accept", b"").lower():
            loop = asyncio.get_running_loop()
            self._heartbeat = loop.call_later(period_s, self._beat, period_s)

    def forward_to(self, pod: PodTracker) -> None:
        """Send the request to `pod`, whose slot it has."""
        self._pod = pod
        exchange = self._exchange
        if self._held_from:
            held_s = self._stop_holding()
            if self.cold_start is None:
                self._gate.wait_ended(held_s)
            self._limit_answer()
        earlier = exchange.request.fields.get(X_FORWARDED_FOR)
        added: list[Header] = [_PROXIED, forwarded_for(earlier, exchange.peer)]
        # A body that cannot be sent twice has to wait in the pod, if it has to wait.
        if exchange.replayable:
            added.append(_DO_NOT_QUEUE)
        if self._mirrored:
            added.append(_MIRRORED)
        dropped = _DROPPED_BEHIND_STREAM if self._streaming else _DROPPED
        exchange.forward(pod.address, Edits(dropped, added))

    def give_up(self, cause: Cause) -> None:
        """Answer: there will be no pod."""
        refuse(self._exchange, self._gate.refusal(cause))

    # --- Exchange -------------------------------------------------------------------------------

    def answer_started(self, head: AnswerHead) -> bool:
        """Take any answer but a sidecar's refusal of a request that can go elsewhere."""
        reason = head.fields.get(b"inflight-reason")
        if reason in _NOT_SEEN_BY_MODEL and self._exchange.replayable:
            return False
        pod = self._pod
        if pod is not None:
            if reason in _MODEL_FAILED:
                self._gate.pod_failed_request(pod, "the sidecar says that its model failed")
            elif pod.failures_in_row:
                pod.answer_began()
        if self._held_s:
            self._tell_of_wait(head)
        return True

    def attempt_failed(self, failure: AttemptFailure) -> None:
        """Let the gate decide."""
        pod, self._pod = self._pod, None
        assert pod is not None  # noqa: S101 -- an attempt has a pod
        harmless = failure.retryable
        if not harmless and failure.kind is not FailureKind.REFUSED:
            harmless = self._may_be_sent_again()
        self._gate.attempt_failed(self, pod, failure, harmless=harmless)

    def upstream_done(self) -> None:
        """Give the slot back."""
        pod, self._pod = self._pod, None
        if pod is not None:
            self._gate.slot_freed(pod)

    def timed_out(self) -> None:
        """Say so; a pod that does not answer may lose the request to another one."""
        exchange, pod = self._exchange, self._pod
        self._limits_changed = True  # an exchange whose time is up has none until it gets some
        now = monotonic()
        limit_s = self._gate.time_limits.max_duration_s
        out_of_time = bool(limit_s) and now >= exchange.started_at + limit_s
        if pod is None:
            self._waited_in_vain(out_of_time=out_of_time)
            return
        at_pod_s = now - max(self._forwarded_at, exchange.started_at)
        if not out_of_time or at_pod_s >= limit_s * _FAIR_TIME_RATIO:
            self._gate.pod_failed_request(pod, "no answer in time")
        if out_of_time or self.retries >= MOST_RETRIES or not self._may_be_sent_again():
            refuse(exchange, self._gate.refusal(Cause.TIMED_OUT))
        else:
            exchange.withdraw()
            self._gate.retry_elsewhere(self, pod)

    def ended(self) -> None:
        """Leave the queue if the request was still waiting, and close the books."""
        gate = self._gate
        if self._held_from:
            gate.leave(self)
            self._stop_holding()
        gate.counts.request_ended(self._exchange.status, self._held_s)
        self._books.request_ended(gate.revision.id)

    # --- inside ---------------------------------------------------------------------------------

    def _may_be_sent_again(self) -> bool:
        """Tell whether another pod may have it although a model may have seen it."""
        exchange = self._exchange
        allowed = self._gate.settings.retry_sent_requests
        return exchange.repeatable or (allowed and exchange.replayable)

    def _limit_wait(self) -> None:
        """Let the time to the answer's first byte limit the wait, for as long as it lasts."""
        limits = self._gate.time_limits
        longest_s = self._gate.settings.hold_timeout_s
        if self._wait_preference_s is not None:
            preferred_s = max(float(self._wait_preference_s), _SHORTEST_WAIT_S)
            longest_s = min(longest_s or preferred_s, preferred_s)
        if self._limits_changed or longest_s != limits.response_start_s:
            self._exchange.limit_time(limits._replace(response_start_s=longest_s))
            self._limits_changed = True

    def _limit_answer(self) -> None:
        """Count that time from now on, and no longer that of waiting."""
        limits = self._gate.time_limits
        if limits.response_start_s:
            waited_s = self._forwarded_at - self._exchange.started_at
            limits = limits._replace(response_start_s=limits.response_start_s + waited_s)
        elif not self._limits_changed:
            return
        self._exchange.limit_time(limits)
        self._limits_changed = True

    def _waited_in_vain(self, *, out_of_time: bool) -> None:
        cause = Cause.TIMED_OUT if out_of_time else self._gate.waited_too_long()
        added: tuple[Header, ...] = ()
        if self._wait_preference_s is not None and not out_of_time:
            added = ((b"Preference-Applied", b"wait=%d" % self._wait_preference_s),)
        refuse(self._exchange, self._gate.refusal(cause), added)

    def _stop_holding(self) -> float:
        now = self._forwarded_at = monotonic()
        held_s = now - self._held_from
        self._held_from = 0.0
        self._held_s += held_s
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            self._heartbeat = None
        for counts in self._classes:
            counts.waiting -= 1
            counts.held.observe(held_s)
        return held_s

    def _tell_of_wait(self, head: AnswerHead) -> None:
        exchange = self._exchange
        if self._streaming and not _is_plain_event_stream(head):
            exchange.abort()  # its 200 has gone out: a reset is all that can be said
            return
        first_byte_s = monotonic() - self._forwarded_at
        timing = server_timing(self.cold_start, self._held_s, first_byte_s)
        exchange.answer_added = ((b"Server-Timing", timing),)
        if self.cold_start is not None:
            self._gate.answer_began(self.cold_start)

    def _beat(self, period_s: float) -> None:
        exchange = self._exchange
        self._heartbeat = None
        if not self._streaming:
            self._streaming = exchange.begin_stream(_STREAM_HEAD)
        if self._streaming:
            exchange.send(_HEARTBEAT)
            loop = asyncio.get_running_loop()
            self._heartbeat = loop.call_later(period_s, self._beat, period_s)


def _is_plain_event_stream(head: AnswerHead) -> bool:
    fields = head.fields
    coding = fields.get(b"content-encoding", b"identity").strip().lower()
    return fields.get(b"content-type", b"").lower().startswith(_EVENTS) and coding == b"identity"
