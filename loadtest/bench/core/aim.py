"""What the sidecar is to reach, and whether it does."""

from dataclasses import dataclass
from typing import Final

from loadtest.bench.core.metric import Metric
from loadtest.bench.core.names import ANSWER, GO, IDLE, NGINX, POST_1, POST_32
from loadtest.bench.core.results import Results


@dataclass(frozen=True, slots=True)
class Aim:
    """At most `most`: times the number of `relative_to`, a proxy, or absolute when that is None."""

    text: str
    case: str
    metric: Metric
    most: float
    unit: str
    relative_to: str | None = None

    def value(self, results: Results, peer: str) -> float | None:
        """Return what `peer` reached, in the unit of `most`; None when it was not measured."""
        if self.relative_to is None:
            return results.value(self.case, peer, self.metric)
        return results.ratio(self.case, peer, self.relative_to, self.metric)

    def verdict(self, results: Results, peer: str) -> str:
        """Return what `peer` reached, and `met` or `not met`."""
        value = self.value(results, peer)
        if value is None:
            return "not measured"
        return f"{value:.2f} {self.unit}: {'met' if value <= self.most else '**not met**'}"


AIMS: Final = (
    Aim("CPU per request, 32 connections", POST_32, Metric.CPU_US, 0.5, "x Go", GO),
    Aim("CPU per request, 32 connections", POST_32, Metric.CPU_US, 2.0, "x nginx", NGINX),
    Aim("p50, 1 connection", POST_1, Metric.P50_MS, 0.9, "x Go", GO),
    Aim("CPU per answer of 1 MiB", ANSWER, Metric.CPU_US, 1.5, "x nginx", NGINX),
    Aim("Memory when idle", IDLE, Metric.IDLE_MIB, 35.0, "MiB"),
    Aim("Memory per idle connection", IDLE, Metric.CONNECTION_KIB, 4.0, "KiB"),
)
