"""The serving port: probes are answered, requests go through the breaker to the model."""

from typing import Final, NamedTuple

from queueproxy.core.breaker import Breaker, Ticket, TicketState
from queueproxy.core.drain import Drain
from queueproxy.core.forwarded import (
    FORWARDED,
    X_FORWARDED_HOST,
    X_FORWARDED_PROTO,
    forwarded,
)
from queueproxy.core.request_metrics import RequestMetrics
from queueproxy.probe_handler import ProbeHandler, is_probe
from queueproxy.refusals import REFUSALS, Cause
from queueproxy.request_log import LoggedProbe, RequestLog
from servingkit.clock import monotonic
from servingkit.core.request_stats import RequestStats
from servingkit.core.revision import Address
from servingkit.http1.core.forwarding import X_FORWARDED_FOR, forwarded_for
from servingkit.http1.core.message import AnswerHead
from servingkit.http1.exchange import Exchange
from servingkit.http1.watcher import AttemptFailure, Edits, FailureKind, TimeLimits
from servingkit.refusal import REASON_HEADER, refuse

_DROPPED: Final = frozenset(
    (
        b"inflight-queue",
        b"k-original-host",
        b"k-proxy-request",
        b"knative-serving-namespace",
        b"knative-serving-revision",
        X_FORWARDED_FOR,
    )
)

# A reason proves to an activator what the sidecar did; a model's own, or one that a model passes
# on from elsewhere, would have it send the request again.
_ANSWER_DROPPED: Final = frozenset((REASON_HEADER.lower(),))


_MOST_KEPT: Final = 256
_MOST_KEPT_BYTES: Final = 512
"""Of one request's fields: what a hostile client makes longer is not remembered."""


class Limits(NamedTuple):
    """How long a request may take."""

    time: TimeLimits

    queue_s: float = 0.0
    """Longest time in the queue, seconds. 0: as long as the other limits allow."""


class ProxyHandler:
    """Takes each request of the serving port (the engine's `Service`)."""

    def __init__(
        self,
        model: Address,
        breaker: "Breaker[ProxiedRequest]",
        limits: Limits,
        probes: ProbeHandler,
        drain: Drain,
        request_log: RequestLog | None = None,
    ) -> None:
        self.breaker = breaker
        self.drain = drain
        self.model = model
        self.stats = RequestStats(monotonic())
        self.metrics = RequestMetrics()
        self.request_log = request_log
        self._limits = limits
        self._probes = probes

    def __repr__(self) -> str:
        return f"<ProxyHandler {self.breaker!r} {self.stats!r}>"

    def __call__(self, exchange: Exchange) -> None:
        """Answer a probe, or let the request run, wait, or be refused."""
        fields = exchange.request.fields
        if is_probe(fields):
            log = self.request_log
            if log is not None and log.logs_probes:
                exchange.watcher = LoggedProbe(log, exchange)
            self._probes(exchange)
            return
        request = ProxiedRequest(self, exchange)
        exchange.watcher = request
        exchange.limit_time(self._limits.time)
        # Counted before the breaker: the autoscaler is to see those who wait, too.
        self.stats.request_arrived(exchange.started_at, proxied=request.proxied)
        self.drain.request_arrived(exchange.started_at)
        may_wait = fields.get(b"inflight-queue") != b"0"
        ticket = self.breaker.enter(request, may_wait=may_wait)
        if ticket is None:
            refuse(exchange, REFUSALS[Cause.QUEUE_FULL if may_wait else Cause.NO_SLOT])
            return
        request.ticket = ticket
        if ticket.state is TicketState.RUNNING:
            request.run()
        else:
            request.waits_since = monotonic()

    def resize(self, container_concurrency: int, queue_depth: int) -> None:
        """Change the limit on what runs at once, and start whoever it lets in."""
        self.breaker.resize(container_concurrency, queue_depth)
        self._start(self.breaker.next_granted())

    def tick(self, now: float) -> None:
        """Refuse those who have waited too long: the longest waiting are first in the queue."""
        limit_s = self._limits.queue_s
        while limit_s and (ticket := self.breaker.longest_waiting()) is not None:
            if now - ticket.holder.waits_since < limit_s:
                return
            ticket.holder.give_up(Cause.QUEUE_TIMEOUT)

    def leave(self, ticket: "Ticket[ProxiedRequest]") -> None:
        """Give a slot or a place in the queue back, and start whoever it falls to."""
        granted = self.breaker.leave(ticket)
        if granted is not None:
            self._start(granted)

    def _start(self, granted: "Ticket[ProxiedRequest] | None") -> None:
        # A loop and no recursion: a request that is started here does not call back in.
        while granted is not None:
            granted.holder.run()
            granted = self.breaker.next_granted()


_Origin = tuple[str, bytes | None, bytes | None, bytes | None, bytes | None, bytes | None]
"""The peer, Forwarded, X-Forwarded-For, -Host and -Proto, and K-Original-Host, as they came."""

_kept_edits: dict[_Origin, Edits] = {}
"""The last few: a client's requests have the same ones."""


def _make_edits(origin: _Origin) -> Edits:
    peer, came, nodes, host, protocol, original_host = origin
    added = [forwarded_for(nodes, peer)]
    standard = forwarded(came, nodes, host, protocol)
    if standard is not None:
        added.append((b"Forwarded", standard))
    edits = Edits(_DROPPED, added, original_host, _ANSWER_DROPPED)
    if sum(len(value) for value in origin if value) <= _MOST_KEPT_BYTES:
        if len(_kept_edits) >= _MOST_KEPT:
            _kept_edits.clear()
        _kept_edits[origin] = edits
    return edits


class ProxiedRequest:
    """One request on its way through the sidecar (the exchange's `Watcher`)."""

    __slots__ = ("_exchange", "_handler", "proxied", "ticket", "waits_since")

    def __init__(self, handler: ProxyHandler, exchange: Exchange) -> None:
        self._handler = handler
        self._exchange = exchange
        self.proxied = exchange.request.fields.get(b"k-proxy-request") == b"activator"
        self.ticket: Ticket[ProxiedRequest] | None = None
        self.waits_since = exchange.started_at

    def __repr__(self) -> str:
        return f"<ProxiedRequest {self._exchange!r} {self.ticket!r}>"

    def run(self) -> None:
        """Send the request to the model; it has a slot now."""
        exchange, handler = self._exchange, self._handler
        handler.metrics.queue_waits.observe(monotonic() - exchange.started_at)
        get = exchange.request.fields.get
        origin = (
            exchange.peer,
            get(FORWARDED),
            get(X_FORWARDED_FOR),
            get(X_FORWARDED_HOST),
            get(X_FORWARDED_PROTO),
            get(b"k-original-host"),
        )
        edits = _kept_edits.get(origin)
        exchange.forward(handler.model, _make_edits(origin) if edits is None else edits)

    def give_up(self, cause: Cause) -> None:
        """Leave the queue or the slot, and say why."""
        self._give_back()
        refuse(self._exchange, REFUSALS[cause])

    def answer_started(self, head: AnswerHead) -> bool:
        """Take whatever the model says."""
        del head
        return True

    def attempt_failed(self, failure: AttemptFailure) -> None:
        """Say so: the sidecar has only one model to send to."""
        unreached = failure.kind is FailureKind.CONNECT
        self.give_up(Cause.MODEL_UNREACHABLE if unreached else Cause.MODEL_FAILED)

    def upstream_done(self) -> None:
        """Free the slot."""
        self._give_back()

    def timed_out(self) -> None:
        """Say so."""
        refuse(self._exchange, REFUSALS[Cause.TIMED_OUT])

    def ended(self) -> None:
        """Close the books, and leave the queue if the request was still waiting."""
        if self.ticket is not None:
            self._give_back()
        handler, exchange = self._handler, self._exchange
        now = monotonic()
        duration_s = now - exchange.started_at
        metrics = handler.metrics
        handler.stats.request_left(now, proxied=self.proxied)
        metrics.request_ended(exchange.status, duration_s)
        metrics.request_bytes += exchange.request_bytes
        metrics.answer_bytes += exchange.answer_bytes
        if exchange.first_byte_at:
            metrics.first_bytes.observe(exchange.first_byte_at - exchange.started_at)
        if handler.request_log is not None:
            handler.request_log.write(exchange, duration_s)

    def _give_back(self) -> None:
        ticket, self.ticket = self.ticket, None
        if ticket is not None:
            self._handler.leave(ticket)
