"""A run as a CSV file, one line a second."""

import csv
from collections.abc import Iterable
from pathlib import Path

from loadtest.core.timeline import Second

OF_SECOND = ("t_s", "in_flight", "requests", "failures", "p50_ms", "p95_ms", "p99_ms")
OF_PODS = (
    "target_in_flight",
    "concurrency",
    "desired_pods",
    "ready_pods",
    "starting_pods",
    "terminating_pods",
    "panicking",
    "reason",
)
"""Empty in a second for which the API said nothing."""


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def write_table(seconds: Iterable[Second], path: Path) -> None:
    """Write the columns `OF_SECOND`, then `OF_PODS`; unknown values are empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(OF_SECOND + OF_PODS)
        for second in seconds:
            of_second = [_text(getattr(second, name)) for name in OF_SECOND]
            of_pods = [_text(getattr(second.pods, name, None)) for name in OF_PODS]
            table.writerow(of_second + of_pods)
