"""What a run found, and under what circumstances; kept as JSON."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Self


class Metric(StrEnum):
    """A number of a measurement."""

    CORES = "cores"
    """Share of one core, user and system together."""

    CPU_US = "cpu_us"
    """CPU microseconds for each decision, stat or scrape."""

    PER_SECOND = "per_second"
    """Decisions, stats or scrapes a second."""

    REVISION_KIB = "revision_kib"
    """Resident memory for each revision, KiB."""

    P50_MS = "p50_ms"
    """Median time from a poke's sending to the write of the scale, milliseconds."""

    P99_MS = "p99_ms"
    LOST = "lost"
    """Pokes that nothing came of, or scrapes without a usable answer."""


Values = Mapping[Metric, float]


def combined(rounds: Sequence[Values]) -> Values:
    """Return the median of each metric over the rounds; what was lost is added up."""
    result: dict[Metric, float] = {}
    for metric in rounds[0]:
        values = [values[metric] for values in rounds if metric in values]
        result[metric] = sum(values) if metric is Metric.LOST else statistics.median(values)
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Measurements by name, such as `decide 1000`, `poke`, `receive inflight`."""

    date: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    rounds: int
    seconds: float
    """How long each measurement took."""

    revisions: Sequence[int]
    stats_per_second: int
    activators: int
    pods: int
    pokes: int
    measured: Mapping[str, Values]

    def value(self, name: str, metric: Metric) -> float | None:
        """Return one number; None when it was not measured."""
        return self.measured.get(name, {}).get(metric)

    def to_json(self) -> str:
        """Return all of it as JSON."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what `to_json` wrote."""
        fields = json.loads(text)
        fields["measured"] = {
            name: {Metric(metric): value for metric, value in values.items()}
            for name, values in fields["measured"].items()
        }
        return cls(**fields)
