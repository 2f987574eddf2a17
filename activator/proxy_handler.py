"""The request ports: probes are answered, requests go through their revision's gate to a pod."""

from functools import partial
from http import HTTPStatus

from activator.proxied_request import ProxiedRequest
from activator.refusals import REFUSALS, Cause
from activator.revision_gate import RevisionGate
from activator.revision_gates import RevisionGates
from activator.stat_reporter import StatReporter
from servingkit.clock import monotonic
from servingkit.core.revision import RevisionId
from servingkit.http1.downstream import Service
from servingkit.http1.exchange import Exchange
from servingkit.refusal import refuse


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
        if not self.answered_probe(exchange):
            self._take(exchange, self._gates.named_by(exchange.request, exchange.peer))

    def service_of(self, revision_id: RevisionId) -> Service:
        """Return the service of a revision's own port."""
        return partial(self._serve_port, revision_id)

    def serve(
        self, revision_id: RevisionId | None, exchange: Exchange, *, mirrored: bool = False
    ) -> None:
        """Serve a request that was found to be for this revision. None: for one that is gone."""
        gate = None if revision_id is None else self._gates.get(revision_id)
        self._take(exchange, gate, mirrored=mirrored)

    def answered_probe(self, exchange: Exchange, port_of: RevisionId | None = None) -> bool:
        """Answer a probe of this activator; False: it is a request.

        Args:
            exchange: what came.
            port_of: the revision whose own port it came to. None: it was the shared one.
        """
        fields = exchange.request.fields
        if fields.get(b"user-agent", b"").startswith(b"kube-probe/"):
            exchange.answer(HTTPStatus.OK if self.ready else HTTPStatus.SERVICE_UNAVAILABLE)
            return True
        probe = fields.get(b"k-network-probe")
        if probe is None:
            return False
        if probe == b"activator":
            name = () if port_of is None else ((b"Inflight-Revision", str(port_of).encode()),)
            exchange.answer(200, name, b"activator")
        else:
            exchange.answer(400, (), b"unexpected probe header value: %b\n" % probe)
        return True

    def request_ended(self, revision_id: RevisionId) -> None:
        """Close the books on a request."""
        self._reporter.request_left(revision_id, monotonic())

    def _serve_port(self, revision_id: RevisionId, exchange: Exchange) -> None:
        if not self.answered_probe(exchange, revision_id):
            self._take(exchange, self._gates.get(revision_id))

    def _take(
        self, exchange: Exchange, gate: RevisionGate | None, *, mirrored: bool = False
    ) -> None:
        if gate is None:
            refuse(exchange, REFUSALS[Cause.UNKNOWN_REVISION])
            return
        request = ProxiedRequest(self, gate, exchange, mirrored=mirrored)
        exchange.watcher = request
        exchange.limit_time(gate.time_limits)
        self.last_request_at = exchange.started_at
        # Before the gate, and at once when the revision was idle: this is what wakes it.
        woken = self._reporter.request_arrived(gate.revision.id, exchange.started_at)
        gate.admit(request)
        if request.waiting:
            self._note_waiting(gate, woken=woken)

    def _note_waiting(self, gate: RevisionGate, *, woken: bool) -> None:
        throttler = gate.throttler
        if throttler.cold and throttler.waiting == 1 and not woken:
            self._reporter.pods_are_missing(gate.revision.id)
        else:
            self._reporter.request_waits(gate.revision.id)
