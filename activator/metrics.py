"""The activator's numbers for Prometheus.

Names and labels are Knative's where it has them, dots as underscores.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from activator.core.request_counts import ClassCounts, RequestCounts
from activator.revision_gate import RevisionGate
from activator.revision_gates import RevisionGates
from activator.stat_reporter import StatReporter

_LABELS = ("k8s_namespace_name", "kn_revision_name")


class _Number(NamedTuple):
    family: type[GaugeMetricFamily | CounterMetricFamily]
    name: str
    help: str
    read: Callable[[RevisionGate], float]


_NUMBERS = (
    _Number(
        GaugeMetricFamily,
        "kn_revision_request_queued",
        "Requests that wait for a pod",
        lambda gate: gate.throttler.waiting,
    ),
    _Number(
        GaugeMetricFamily,
        "kn_revision_request_active",
        "Requests that are at a pod",
        lambda gate: sum(pod.in_flight for pod in gate.throttler.pods),
    ),
    _Number(
        GaugeMetricFamily,
        "inflight_activator_held_bytes",
        "Memory that is reserved for requests that wait",
        lambda gate: gate.throttler.held_bytes,
    ),
    _Number(
        GaugeMetricFamily,
        "inflight_activator_settings_valid",
        "0 while a revision's annotations are bad, and the last good settings are in force",
        lambda gate: gate.settings_valid,
    ),
    _Number(
        GaugeMetricFamily,
        "inflight_activator_pods",
        "Pods that the cluster shows",
        lambda gate: len(gate.throttler.pods),
    ),
    _Number(
        GaugeMetricFamily,
        "inflight_activator_usable_pods",
        "Pods that requests may go to: neither starting, nor ending, nor failed",
        lambda gate: len(gate.throttler.usable),
    ),
    _Number(
        CounterMetricFamily,
        "inflight_activator_cold_starts",
        "Times that requests waited for a first pod, and it came",
        lambda gate: gate.counts.cold_starts,
    ),
    _Number(
        CounterMetricFamily,
        "inflight_activator_ejections",
        "Times that a pod was ejected after failures in a row",
        lambda gate: gate.counts.ejections,
    ),
    _Number(
        CounterMetricFamily,
        "inflight_activator_retries",
        "Times that a request was tried again because a pod failed it",
        lambda gate: gate.counts.retries,
    ),
    _Number(
        CounterMetricFamily,
        "inflight_activator_refusals",
        "Times that a full pod turned a request down, which then waited on",
        lambda gate: gate.counts.refusals,
    ),
)


class ActivatorMetrics(Collector):
    """Reads the gates whenever Prometheus asks."""

    def __init__(self, gates: RevisionGates, reporter: StatReporter) -> None:
        self._gates = gates
        self._reporter = reporter

    def collect(self) -> Iterator[Metric]:
        """Yield the families, as prometheus-client's registry asks."""
        for number in _NUMBERS:
            numbers = number.family(number.name, number.help, labels=_LABELS)
            for gate in self._gates:
                numbers.add_metric(gate.revision.id, number.read(gate))
            yield numbers
        yield self._concurrency()
        yield self._by_code_class()
        yield self._turned_away()
        yield self._held_seconds()
        yield self._phases()
        yield from self._classes("tenant", lambda counts: counts.by_tenant)
        yield from self._classes("priority", lambda counts: counts.by_priority)
        reachable = GaugeMetricFamily(
            "kn_activator_stats_conn_reachable",
            "1 while the autoscaler takes this activator's stats",
            labels=("peer",),
        )
        reachable.add_metric(("autoscaler",), float(self._reporter.connected))
        yield reachable
        yield CounterMetricFamily(
            "kn_activator_stats_conn_errors",
            "Connections to the autoscaler that failed or were lost",
            value=self._reporter.connection_errors,
        )

    def _concurrency(self) -> Metric:
        family = GaugeMetricFamily(
            "kn_revision_request_concurrency",
            "Requests in flight through this activator, held ones included",
            labels=_LABELS,
        )
        for gate in self._gates:
            family.add_metric(gate.revision.id, self._reporter.concurrency(gate.revision.id))
        return family

    def _by_code_class(self) -> Metric:
        family = CounterMetricFamily(
            "inflight_activator_requests",
            "Requests that ended, by class of their status",
            labels=(*_LABELS, "response_code_class"),
        )
        for gate in self._gates:
            for digit, count in enumerate(gate.counts.by_code_class):
                if count:
                    family.add_metric((*gate.revision.id, f"{digit}xx"), count)
        return family

    def _held_seconds(self) -> Metric:
        family = HistogramMetricFamily(
            "inflight_activator_held_seconds",
            "Time that requests waited for a pod, of those that had to",
            labels=_LABELS,
        )
        for gate in self._gates:
            held = gate.counts.held
            family.add_metric(gate.revision.id, held.buckets(), held.sum_s)
        return family

    def _turned_away(self) -> Metric:
        family = CounterMetricFamily(
            "inflight_activator_turned_away",
            "Requests that found no place to wait, by the bound that they met",
            labels=(*_LABELS, "bound"),
        )
        for gate in self._gates:
            for bound, count in gate.counts.turned_away.items():
                family.add_metric((*gate.revision.id, bound.value), count)
        return family

    def _phases(self) -> Metric:
        family = HistogramMetricFamily(
            "inflight_activator_cold_start_phase_seconds",
            "Time that each phase of a cold start took",
            labels=(*_LABELS, "phase"),
        )
        for gate in self._gates:
            if gate.counts.cold_starts:
                for phase, times in gate.counts.phases.items():
                    labels = (*gate.revision.id, phase.value)
                    family.add_metric(labels, times.buckets(), times.sum_s)
        return family

    def _classes(
        self, kind: str, classes_of: Callable[[RequestCounts], Mapping[str, ClassCounts]]
    ) -> Iterator[Metric]:
        labels = (*_LABELS, kind)
        name = f"inflight_activator_{kind}"
        queued = GaugeMetricFamily(
            f"{name}_queued", f"Requests that wait for a pod, by {kind}", labels=labels
        )
        refused = CounterMetricFamily(
            f"{name}_turned_away", f"Requests that found no place to wait, by {kind}", labels=labels
        )
        held = HistogramMetricFamily(
            f"{name}_held_seconds",
            f"Time that requests waited for a pod, of those that had to, by {kind}",
            labels=labels,
        )
        for gate in self._gates:
            for label, counts in classes_of(gate.counts).items():
                values = (*gate.revision.id, label)
                queued.add_metric(values, counts.waiting)
                refused.add_metric(values, counts.refusals)
                held.add_metric(values, counts.held.buckets(), counts.held.sum_s)
        yield queued
        yield refused
        yield held
