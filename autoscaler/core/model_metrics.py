"""Metrics from the model's own Prometheus page: what pods report, second by second.

A *gauge* is what a pod has now (requests that wait inside it), a *rate* how fast a counter grows
(tokens a second). Series of one name are added up, whatever their labels. A pod that gave no answer
is taken to be like the mean of those that did; when none did, nothing is recorded, and a metric
that was not heard of for more than 5 s is *silent*: it asks for no pod, and lets none go.
"""

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from autoscaler.core.coverage import REPORT_MAX_AGE_S
from autoscaler.core.decider import Measure, Reading


class ModelMetricKind(Enum):
    """How a number on the page becomes load."""

    GAUGE = "gauge"
    RATE = "rate"


class ModelMetric(NamedTuple):
    """A metric on the model's page, and what one pod should have of it."""

    name: str
    kind: ModelMetricKind
    target_per_pod: float


class _Count(NamedTuple):
    at: float
    value: float


class ModelMetricHistory:
    """What was read over the last stable window; `measures` averages it."""

    __slots__ = ("_counts", "_metrics", "_samples")

    def __init__(self, metrics: Sequence[ModelMetric]) -> None:
        self._metrics = tuple(metrics)
        self._samples: dict[str, deque[_Count]] = {metric.name: deque() for metric in metrics}
        self._counts: dict[tuple[str, str], _Count] = {}
        """The last value of each pod's counters, by pod and metric."""

    def __repr__(self) -> str:
        return f"<ModelMetricHistory of {', '.join(self._samples)}>"

    @property
    def metrics(self) -> tuple[ModelMetric, ...]:
        """What is read."""
        return self._metrics

    def record(
        self,
        pages: Mapping[str, Mapping[str, float]],
        ready_pods: int,
        window_s: float,
        now: float,
    ) -> None:
        """Add one reading of all pods: by pod, the numbers on the page of those that answered."""
        for metric in self._metrics:
            values = [
                value
                for pod, page in pages.items()
                if (value := self._value(metric, pod, page, now)) is not None
            ]
            if values:
                mean = math.fsum(values) / len(values)
                self._samples[metric.name].append(_Count(now, mean * ready_pods))
        self._counts = {key: count for key, count in self._counts.items() if key[0] in pages}
        for samples in self._samples.values():
            while samples and samples[0].at <= now - window_s:
                samples.popleft()

    def measures(self, stable_window_s: float, panic_window_s: float, now: float) -> list[Measure]:
        """Return the averages at `now` of every metric that is not silent."""
        return [
            Measure(
                metric.name,
                Reading(
                    _average(self._samples[metric.name], stable_window_s, now),
                    _average(self._samples[metric.name], panic_window_s, now),
                ),
                metric.target_per_pod,
            )
            for metric in self._metrics
            if not self._is_silent(metric, now)
        ]

    def silent(self, now: float) -> tuple[str, ...]:
        """Return the names of the metrics that were not heard of for too long."""
        return tuple(metric.name for metric in self._metrics if self._is_silent(metric, now))

    def _is_silent(self, metric: ModelMetric, now: float) -> bool:
        samples = self._samples[metric.name]
        return not samples or now - samples[-1].at > REPORT_MAX_AGE_S

    def _value(
        self, metric: ModelMetric, pod: str, page: Mapping[str, float], now: float
    ) -> float | None:
        value = page.get(metric.name)
        if value is None or metric.kind is ModelMetricKind.GAUGE:
            return value
        before = self._counts.get((pod, metric.name))
        self._counts[pod, metric.name] = _Count(now, value)
        if before is None or now <= before.at:
            return None
        # A counter that went down began anew at 0.
        grown = value - before.value if value >= before.value else value
        return grown / (now - before.at)


def read_page(page: bytes, names: Iterable[str]) -> dict[str, float]:
    """Return the numbers called `names` on a page in Prometheus' text format, series added up.

    Lines of other metrics are passed over unread: pages are long, and few of their lines are asked
    for. A line that is asked for and cannot be read counts as absent.
    """
    totals: dict[str, float] = {}
    wanted = {name.encode(): name for name in names}
    for line in page.splitlines():
        found = line.partition(b"{")[0].partition(b" ")[0]
        name = wanted.get(found)
        if name is None:
            continue
        # Label values may hold anything but the end of the line; behind the last brace are numbers.
        numbers = line[len(found) :].rpartition(b"}")[2].split()
        try:
            value = float(numbers[0])
        except (IndexError, ValueError):
            continue
        if math.isfinite(value):
            totals[name] = totals.get(name, 0.0) + value
    return totals


def _average(samples: Iterable[_Count], window_s: float, now: float) -> float:
    """Return the mean of the window's samples; of the newest one if there is none in it."""
    values = [sample.value for sample in samples]
    inside = [sample.value for sample in samples if sample.at > now - window_s] or values[-1:]
    return math.fsum(inside) / len(inside)
