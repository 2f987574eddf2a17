"""Runs as one CSV file, one line a second."""

import csv
from collections.abc import Mapping
from pathlib import Path

from inflight.simulate.core.outcome import Outcome

_COUNTS = ("refused", "desired_pods", "ready_pods", "starting_pods", "terminating_pods")
_COLUMNS = (
    *("run", "t_s", "in_flight", "waiting", "requests", "p50_ms", "p95_ms", "p99_ms"),
    *_COUNTS,
    *("panicking", "reason"),
)


def write_table(outcomes: Mapping[str, Outcome], path: Path) -> None:
    """Write all seconds of one run after the other; latencies of no requests are empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(_COLUMNS)
        for name, outcome in outcomes.items():
            for second in outcome.seconds:
                latencies = second.latencies_ms(0.50, 0.95, 0.99)
                table.writerow(
                    [
                        *(name, second.begin_s, f"{second.in_flight:.3f}"),
                        *(f"{second.waiting:.3f}", second.requests),
                        *("" if value is None else f"{value:.3f}" for value in latencies),
                        *(getattr(second, column) for column in _COUNTS),
                        *(second.panicking, second.reason),
                    ]
                )
