"""The request ports: probes are answered, requests go through their revision's gate to a pod."""

from functools import partial
from http import HTTPStatus
from typing import Final

from activator.core.admission_queue import QueueFullError
from activator.core.pod_tracker import PodTracker
from activator.core.revision_index import NAMESPACE_HEADER, REVISION_HEADER
from activator.refusals import REFUSALS, Cause
from activator.revision_gate import RevisionGate
from activator.revision_gates import RevisionGates
from activator.stat_reporter import StatReporter
from servingkit.clock import monotonic
from servingkit.core.revision import RevisionId
from servingkit.http1.core.forwarding import X_FORWARDED_FOR, forwarded_for
from servingkit.http1.core.message import AnswerHead, Header
from servingkit.http1.downstream import Service
from servingkit.http1.exchange import Exchange
from servingkit.http1.watcher import AttemptFailure, Edits
from servingkit.refusal import refuse

_DROPPED: Final = frozenset(
    (NAMESPACE_HEADER, REVISION_HEADER, X_FORWARDED_FOR, b"k-proxy-request", b"inflight-queue")
)
_PROXIED: Final = (b"K-Proxy-Request", b"activator")
_DO_NOT_QUEUE: Final = (b"Inflight-Queue", b"0")

_NOT_SEEN_BY_MODEL: Final = frozenset((b"queue-full", b"starting", b"shutting-down"))
"""Reasons with which a sidecar proves that the model never saw the request."""


class ProxyHandler:
    """Takes each request of the request ports."""

    def __init__(self, gates: RevisionGates, reporter: StatReporter) -> None:
        self.ready = False
        """What probes are told."""
        self.last_request_at = 0.0
        """When the newest request came, monotonic seconds."""
        self._gates = gates
        self._reporter = reporter

    def __repr__(self) -> str:
        return f"<ProxyHandler {self._gates!r}>"

    def __call__(self, exchange: Exchange) -> None:
        """Serve the port that all revisions share: headers or Host name the revision."""
        if not self._answered_probe(exchange):
            self._take(exchange, self._gates.named_by(exchange.request))

    def service_of(self, revision_id: RevisionId) -> Service:
        """Return the service of a revision's own port."""
        return partial(self._serve_revision, revision_id)

    def request_ended(self, revision_id: RevisionId) -> None:
        """Close the books on a request."""
        self._reporter.request_left(revision_id, monotonic())

    def _serve_revision(self, revision_id: RevisionId, exchange: Exchange) -> None:
        if not self._answered_probe(exchange):
            self._take(exchange, self._gates.get(revision_id))

    def _take(self, exchange: Exchange, gate: RevisionGate | None) -> None:
        if gate is None:
            refuse(exchange, REFUSALS[Cause.UNKNOWN_REVISION])
            return
        request = ProxiedRequest(self, gate, exchange)
        exchange.watcher = request
        exchange.limit_time(gate.time_limits)
        self.last_request_at = exchange.started_at
        # Before the gate, and at once when the revision was idle: this is what wakes it.
        self._reporter.request_arrived(gate.revision.id, exchange.started_at)
        try:
            gate.admit(request)
        except QueueFullError:
            cause = Cause.QUEUE_FULL if gate.throttler.can_serve else Cause.NO_CAPACITY
            refuse(exchange, REFUSALS[cause])

    def _answered_probe(self, exchange: Exchange) -> bool:
        fields = exchange.request.fields
        if fields.get(b"user-agent", b"").startswith(b"kube-probe/"):
            exchange.answer(HTTPStatus.OK if self.ready else HTTPStatus.SERVICE_UNAVAILABLE)
            return True
        probe = fields.get(b"k-network-probe")
        if probe is None:
            return False
        if probe == b"activator":
            exchange.answer(200, (), b"activator")
        else:
            exchange.answer(400, (), b"unexpected probe header value: %b\n" % probe)
        return True


class ProxiedRequest:
    """One request on its way through the activator (the exchange's `Watcher`)."""

    __slots__ = (
        "_exchange",
        "_handler",
        "_held_from",
        "_held_s",
        "_pod",
        "arrival",
        "failed_at",
        "gate",
        "retries",
        "waiting",
    )

    def __init__(self, handler: ProxyHandler, gate: RevisionGate, exchange: Exchange) -> None:
        self.gate = gate
        self.arrival = 0
        self.waiting = False
        self.failed_at: PodTracker | None = None
        self.retries = 0
        self._handler = handler
        self._exchange = exchange
        self._pod: PodTracker | None = None
        self._held_from = 0.0
        self._held_s = 0.0

    def __repr__(self) -> str:
        return f"<ProxiedRequest {self.arrival} {self._exchange!r} {self._pod!r}>"

    # --- RevisionGate ---------------------------------------------------------------------------

    def hold(self) -> None:
        """Wait from now on."""
        self._held_from = monotonic()

    def forward_to(self, pod: PodTracker) -> None:
        """Send the request to `pod`, whose slot it has."""
        self._pod = pod
        self._stop_holding()
        exchange = self._exchange
        forwarded = forwarded_for(exchange.request, exchange.peer)
        added: tuple[Header, ...] = (_PROXIED, forwarded)
        # A body that cannot be sent twice has to wait in the pod, if it has to wait.
        if exchange.replayable:
            added = (_PROXIED, forwarded, _DO_NOT_QUEUE)
        exchange.forward(pod.address, Edits(_DROPPED, added))

    def give_up(self, cause: Cause) -> None:
        """Answer: there will be no pod."""
        refuse(self._exchange, REFUSALS[cause])

    # --- Exchange -------------------------------------------------------------------------------

    def answer_started(self, head: AnswerHead) -> bool:
        """Take any answer but a sidecar's refusal of a request that can go elsewhere."""
        reason = head.fields.get(b"inflight-reason")
        return reason not in _NOT_SEEN_BY_MODEL or not self._exchange.replayable

    def attempt_failed(self, failure: AttemptFailure) -> None:
        """Let the gate decide."""
        pod, self._pod = self._pod, None
        assert pod is not None  # noqa: S101 -- an attempt has a pod
        self.gate.attempt_failed(self, pod, failure)

    def upstream_done(self) -> None:
        """Give the slot back."""
        pod, self._pod = self._pod, None
        if pod is not None:
            self.gate.slot_freed(pod)

    def timed_out(self) -> None:
        """Say so."""
        refuse(self._exchange, REFUSALS[Cause.TIMED_OUT])

    def ended(self) -> None:
        """Leave the queue if the request was still waiting, and close the books."""
        self.gate.leave(self)
        self._stop_holding()
        self.gate.counts.request_ended(self._exchange.status, self._held_s)
        self._handler.request_ended(self.gate.revision.id)

    def _stop_holding(self) -> None:
        if self._held_from:
            self._held_s += monotonic() - self._held_from
            self._held_from = 0.0
