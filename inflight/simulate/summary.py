"""What a person reads at the end: the runs as columns of one table."""

from collections.abc import Callable, Iterator, Mapping

from inflight.simulate.core.outcome import Outcome

_SHARES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


def _latency(share: float) -> Callable[[Outcome], str]:
    return lambda outcome: _duration(outcome.latency_ms(share))


def _duration(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "-"
    return f"{milliseconds / 1000:.2f} s" if milliseconds >= 1000 else f"{milliseconds:.0f} ms"  # noqa: PLR2004 -- a second


def _waited(outcome: Outcome) -> str:
    return f"{100 * outcome.waited / max(1, outcome.requests):.1f} %"


def _mean_wait(outcome: Outcome) -> str:
    return _duration(1000 * outcome.wait_s / outcome.waited if outcome.waited else None)


def _mean_pods(outcome: Outcome) -> str:
    return f"{outcome.pod_seconds / outcome.whole.length_s:.2f}"


_ROWS: Mapping[str, Callable[[Outcome], str]] = {
    "requests": lambda outcome: str(outcome.requests),
    "refused": lambda outcome: str(outcome.whole.refused),
    "unanswered at the end": lambda outcome: str(outcome.unanswered),
    **{f"latency {name}": _latency(share) for name, share in _SHARES.items()},
    "waited for a pod": _waited,
    "  and how long, on average": _mean_wait,
    "most waiting at once": lambda outcome: str(outcome.most_waiting),
    "in flight on average": lambda outcome: f"{outcome.whole.in_flight:.2f}",
    "most pods ready": lambda outcome: str(outcome.whole.ready_pods),
    "pods on average": _mean_pods,
    "pod-seconds": lambda outcome: f"{outcome.pod_seconds:.0f}",
    "panics": lambda outcome: str(outcome.panics),
}


def summarise(outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    """Yield the lines of the table; the names head it if there are several."""
    rows = [["", *outcomes]] if len(outcomes) > 1 else []
    rows += [[name, *map(of, outcomes.values())] for name, of in _ROWS.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *cells in rows:
        columns = zip(cells, widths[1:], strict=True)
        yield "  ".join([f"{name:{widths[0]}}", *(f"{cell:>{width}}" for cell, width in columns)])
