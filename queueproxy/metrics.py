"""The sidecar's numbers as Prometheus sees them."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from queueproxy.proxy_handler import ProxyHandler
from servingkit.http1.pool import UpstreamPool
from servingkit.metrics_page import histogram_family


class SidecarMetrics(Collector):
    """Turns the sidecar's own numbers into Prometheus metric families."""

    def __init__(self, proxy: ProxyHandler, pool: UpstreamPool) -> None:
        self._proxy = proxy
        self._pool = pool

    def collect(self) -> Iterator[Metric]:
        """Yield the families, as prometheus-client's registry asks."""
        yield from self._ended_requests()
        yield from self._present_state()

    def _ended_requests(self) -> Iterator[Metric]:
        metrics = self._proxy.metrics
        by_code = CounterMetricFamily(
            "inflight_requests", "Requests that ended, by status code.", labels=["code"]
        )
        for status, count in sorted(metrics.by_status.items()):
            by_code.add_metric([str(status)], count)
        yield by_code
        yield histogram_family(
            "inflight_request_duration_seconds",
            "From a request's arrival to its end, waiting included.",
            metrics.durations,
        )
        yield histogram_family(
            "inflight_first_byte_seconds",
            "From a request's arrival to the first byte of the model's answer.",
            metrics.first_bytes,
        )
        yield histogram_family(
            "inflight_queue_wait_seconds",
            "Time that requests waited for a slot; those admitted at once count with 0.",
            metrics.queue_waits,
        )
        yield CounterMetricFamily(
            "inflight_request_bytes",
            "Bytes of the bodies of requests that ended; of WebSockets, what clients sent.",
            value=metrics.request_bytes,
        )
        yield CounterMetricFamily(
            "inflight_answer_bytes",
            "Bytes of the bodies of answers that ended; of WebSockets, what the model sent.",
            value=metrics.answer_bytes,
        )
        log = self._proxy.request_log
        if log is not None:
            yield CounterMetricFamily(
                "inflight_request_log_dropped",
                "Lines of the request log that standard output did not take in time.",
                value=log.dropped,
            )

    def _present_state(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "inflight_requests_in_flight",
            "Requests in the pod now, running or waiting.",
            value=self._proxy.stats.concurrency,
        )
        yield GaugeMetricFamily(
            "inflight_requests_queued",
            "Requests waiting for a slot now.",
            value=self._proxy.breaker.waiting,
        )
        yield GaugeMetricFamily(
            "inflight_container_concurrency",
            "Requests that the model may run at once; 0 means no limit.",
            value=self._proxy.breaker.container_concurrency,
        )
        connections = GaugeMetricFamily(
            "inflight_upstream_connections",
            "Connections to the model now.",
            labels=["state"],
        )
        idle = self._pool.idle_connections
        connections.add_metric(["active"], self._pool.open_connections - idle)
        connections.add_metric(["idle"], idle)
        yield connections
