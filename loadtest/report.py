"""The files that a run leaves, and its latencies in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtest.core.timeline import PodsSample, Request, quantile, seconds_of
from loadtest.narrator import count
from loadtest.plot import draw
from loadtest.table import write_table

TABLE, PICTURE = "run.csv", "run.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All that was recorded from `began_at` to `ended_at`."""

    title: str
    began_at: float
    ended_at: float
    requests: Sequence[Request]
    samples: Sequence[PodsSample]


def write_report(run: Run, out: Path) -> tuple[Path, Path]:
    """Write the table and the picture into the folder `out`; return where they lie."""
    seconds = seconds_of(run.requests, run.samples, run.began_at, run.ended_at)
    write_table(seconds, out / TABLE)
    draw(seconds, run.title, out / PICTURE)
    return out / TABLE, out / PICTURE


def summarise(requests: Sequence[Request]) -> str:
    """Return how many requests ended, how many failed, and the latencies of the others."""
    latencies_s = sorted(
        request.ended_at - request.began_at for request in requests if not request.failure
    )
    failures = len(requests) - len(latencies_s)
    quantiles = (
        f"{name} {(quantile(latencies_s, share) or 0) * 1000:,.0f} ms"
        for name, share in (("p50", 0.50), ("p95", 0.95), ("p99", 0.99))
    )
    ended = f"{count(len(requests), 'request')}, {failures:,} failed"
    return f"{ended}; {', '.join(quantiles)}" if latencies_s else ended
