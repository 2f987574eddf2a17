"""The numbers of routes and mirrors for Prometheus."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from activator.route_handler import RouteHandler, RouteUse

_LABELS: Final = ("k8s_namespace_name", "inflight_route_name", "kn_revision_name")


class RouteMetrics(Collector):
    """Reads the counts whenever Prometheus asks."""

    def __init__(self, router: RouteHandler) -> None:
        self._router = router

    def collect(self) -> Iterator[Metric]:
        """Yield the families, as prometheus-client's registry asks."""
        requests = CounterMetricFamily(
            "inflight_activator_route_requests",
            "Requests that a route sent to a revision",
            labels=_LABELS,
        )
        for use, count in self._router.requests.items():
            requests.add_metric(_labels(use), count)
        yield requests
        mirrored = CounterMetricFamily(
            "inflight_activator_mirrored_requests",
            "Copies of requests for a mirror, by what became of them",
            labels=(*_LABELS, "outcome"),
        )
        for use, counts in self._router.mirrored.items():
            labels = _labels(use)
            mirrored.add_metric((*labels, "answered"), counts.answered)
            mirrored.add_metric((*labels, "failed"), counts.failed)
            mirrored.add_metric((*labels, "given-up"), counts.given_up)
            mirrored.add_metric((*labels, "skipped"), counts.skipped)
        yield mirrored


def _labels(use: RouteUse) -> tuple[str, str, str]:
    return use.route.namespace, use.route.name, use.revision.name
