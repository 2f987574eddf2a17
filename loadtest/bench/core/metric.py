"""What one measurement says, and how several of the same thing become one."""

import statistics
from collections.abc import Mapping, Sequence
from enum import StrEnum

MICROSECONDS = 1e6
KIB = 1024
MIB = 1024 * 1024


class Metric(StrEnum):
    """A number of a measurement. A unit is a request, or a server-sent event."""

    CPU_US = "cpu_us"
    """CPU microseconds of the proxy's processes for each unit, user and system together."""

    CPU_SPREAD_PERCENT = "cpu_spread_percent"
    """Of several rounds: how far apart the least and the most CPU are, in percent of the median."""

    PER_SECOND = "per_second"
    """Units a second."""

    P50_MS = "p50_ms"
    """Median latency of a request, or lateness of an event, milliseconds."""

    P99_MS = "p99_ms"
    """The same, of the slowest hundredth."""

    RSS_MIB = "rss_mib"
    """Resident memory of the proxy's processes at the end, MiB."""

    FAILED = "failed"
    """Requests without an answer of status 2xx or 3xx, or streams without an event."""

    IDLE_MIB = "idle_mib"
    """Resident memory after one request, MiB."""

    CONNECTION_KIB = "connection_kib"
    """Resident memory for each further idle connection, KiB."""


Values = Mapping[Metric, float]


def combined(rounds: Sequence[Values]) -> Values:
    """Return the median of each metric over the rounds, and the spread of the CPU.

    Failures are added up instead.
    """
    by_metric = {metric: [values[metric] for values in rounds] for metric in rounds[0]}
    result = {metric: statistics.median(values) for metric, values in by_metric.items()}
    if Metric.FAILED in result:
        result[Metric.FAILED] = sum(by_metric[Metric.FAILED])
    if result.get(Metric.CPU_US):
        spread = max(by_metric[Metric.CPU_US]) - min(by_metric[Metric.CPU_US])
        result[Metric.CPU_SPREAD_PERCENT] = 100 * spread / result[Metric.CPU_US]
    return result
