"""What the autoscaler sees and decides, for Prometheus: Knative's `kn.revision.*` metrics.

Dots are underscores, and the labels are Knative's attributes, so that its dashboards carry over.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from autoscaler.status import RevisionStatus

_LABELS = ("k8s_namespace_name", "kn_revision_name")


class _Gauge(NamedTuple):
    name: str
    help: str
    read: Callable[[RevisionStatus], float | None]
    """None: this revision has no such value now."""


_GAUGES = (
    _Gauge("pods_desired", "Pods that were decided on", lambda it: it.desired_pods),
    _Gauge("pods_requested", "Pods that the cluster was asked for", lambda it: it.asked_pods),
    _Gauge("pods_count", "Ready pods", lambda it: it.ready_pods),
    _Gauge("pods_pending_count", "Starting pods", lambda it: it.starting_pods),
    _Gauge("pods_terminating_count", "Terminating pods", lambda it: it.terminating_pods),
    _Gauge(
        "pods_not_ready_count",
        "Pods that are not ready",
        lambda it: it.starting_pods + it.terminating_pods,
    ),
    _Gauge(
        "capacity_excess",
        "Capacity over the wanted burst; negative: activator in the path",
        lambda it: it.excess_burst_capacity,
    ),
    _Gauge("panic_mode", "1 while panicking", lambda it: it.panicking),
)
_METRIC_GAUGES = (
    _Gauge("stable", "Average over the stable window", lambda it: it.stable_value),
    _Gauge("panic", "Average over the panic window", lambda it: it.panic_value),
    _Gauge("target", "Average per pod aimed at", lambda it: it.target_value),
)


class RevisionMetrics(Collector):
    """Reads the statuses whenever Prometheus asks."""

    def __init__(
        self,
        statuses: Callable[[], Sequence[RevisionStatus]],
        scrape_failures: Callable[[], int],
    ) -> None:
        self._statuses = statuses
        self._scrape_failures = scrape_failures

    def collect(self) -> Iterator[Metric]:
        """Return one family for each gauge, with a sample for each revision that has a value."""
        statuses = self._statuses()
        for gauge in _GAUGES:
            yield _family(f"kn_revision_{gauge.name}", gauge, statuses)
        for metric in ("concurrency", "rps"):
            measured = [status for status in statuses if status.metric == metric]
            for gauge in _METRIC_GAUGES:
                yield _family(f"kn_revision_{metric}_{gauge.name}", gauge, measured)
        yield CounterMetricFamily(
            "kn_autoscaler_scrape_failures",
            "Pods asked for their stats that gave no usable answer",
            value=self._scrape_failures(),
        )


def _family(name: str, gauge: _Gauge, statuses: Sequence[RevisionStatus]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, gauge.help, labels=_LABELS)
    for status in statuses:
        value = gauge.read(status)
        if value is not None:
            family.add_metric((status.namespace, status.name), value)
    return family
