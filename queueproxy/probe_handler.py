"""Answers health checks of the kubelet, activators, autoscalers and ingresses on the serving port.

Behaviour: Knative's queue-proxy, section "Drainer". The answer to an activator also carries the
pod's container concurrency, since pods of two versions may stand side by side during a rollout.
"""

from collections.abc import Callable, Mapping
from typing import Final

from queueproxy.core.drain import Drain, DrainPhase
from queueproxy.prober import Prober
from servingkit.http1.exchange import Exchange

_PROBING_AGENTS: Final = (b"kube-probe/", b"Knative-Activator-Probe", b"Knative-Autoscaling-Probe")
_PROBE: Final = b"k-network-probe"
_HASH: Final = b"k-network-hash"


def is_probe(fields: Mapping[bytes, bytes]) -> bool:
    """Return whether a request asks for the pod's health rather than for the model."""
    agent = fields.get(b"user-agent")
    if agent is not None and agent.startswith(_PROBING_AGENTS):
        return True
    return fields.get(_PROBE) == b"probe"


class ProbeHandler:
    """Answers one probe at a time or many at once."""

    def __init__(
        self, prober: Prober, drain: Drain, container_concurrency: Callable[[], int]
    ) -> None:
        self._prober = prober
        self._drain = drain
        self._container_concurrency = container_concurrency

    def __call__(self, exchange: Exchange) -> None:
        """Answer, or hold the exchange until the model has been asked."""
        fields = exchange.request.fields
        kind = fields.get(_PROBE, b"")
        if self._drain.phase is not DrainPhase.SERVING:
            exchange.answer(503, (), b"shutting down\n")
        elif kind == b"probe":
            self._echo_hash(exchange, fields.get(_HASH, b""))
        elif kind != b"queue":
            exchange.answer(400, (), b"unexpected probe header value: %b\n" % kind)
        else:
            self._prober.ask(lambda ready: self._tell(exchange, ready=ready))

    def _echo_hash(self, exchange: Exchange, value: bytes) -> None:
        if value:
            exchange.answer(200, ((b"K-Network-Hash", value),))
        else:
            exchange.answer(400, (), b"a probe needs K-Network-Hash\n")

    def _tell(self, exchange: Exchange, *, ready: bool) -> None:
        if ready:
            concurrency = b"%d" % self._container_concurrency()
            exchange.answer(200, ((b"Inflight-Container-Concurrency", concurrency),), b"queue")
        else:
            exchange.answer(503)
