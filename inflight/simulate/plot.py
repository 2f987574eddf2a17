"""Runs as one picture, a column for each: requests in flight, pods, and latency.

Long runs are thinned: a point then stands for several seconds.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from inflight.simulate.core.outcome import Outcome, Span, thin
from servingkit.picture import (
    BLUE,
    MUTED,
    ORANGE,
    RED,
    UNKNOWN,
    count_from_zero,
    draw_pods,
    empty_figure,
    name_panel,
    scale_latency,
    style,
)

INCHES_OF_RUN = 10.0
INCHES_HIGH = 8.5

_MOST_POINTS = 480
_UNITS = (("hours", 3600), ("minutes", 60), ("seconds", 1))
_LEAST_IN_UNIT = 3


def draw(outcomes: Mapping[str, Outcome], path: Path) -> None:
    """Write the picture as PNG, 1500 x 1275 pixels a run. Scales are the same for all runs."""
    figure = empty_figure(INCHES_OF_RUN * len(outcomes), INCHES_HIGH)
    panels = figure.subplots(
        3, len(outcomes), sharex=True, sharey="row", height_ratios=(3, 2.2, 3), squeeze=False
    )
    for column, (name, outcome) in enumerate(outcomes.items()):
        in_flight, pods, latency = (row[column] for row in panels)
        spans = list(thin(outcome.seconds, _MOST_POINTS))
        for axes in (in_flight, pods, latency):
            style(axes)
        _draw_in_flight(in_flight, spans, name)
        draw_pods(
            pods,
            _edges(spans),
            ready=[span.ready_pods for span in spans],
            desired=[span.desired_pods for span in spans],
            panicking=[span.panicking for span in spans],
        )
        _draw_latency(latency, spans)
        _measure_time(latency, outcome.whole.length_s)
    figure.savefig(path)


def _edges(spans: Sequence[Span]) -> list[int]:
    return [span.begin_s for span in spans] + [spans[-1].begin_s + spans[-1].length_s]


def _draw_in_flight(axes: Axes, spans: Sequence[Span], name: str) -> None:
    edges = _edges(spans)
    in_flight = [span.in_flight for span in spans]
    waiting = [span.waiting for span in spans]
    axes.stairs(in_flight, edges, fill=True, color=BLUE, alpha=0.12)
    axes.stairs(in_flight, edges, baseline=None, color=BLUE, linewidth=1.6, label="in flight")
    axes.stairs(waiting, edges, fill=True, color=ORANGE, alpha=0.7, label="waiting for a pod")
    refusing = [span for span in spans if span.refused]
    if refusing:
        axes.scatter(
            [span.begin_s for span in refusing],
            [span.in_flight for span in refusing],
            marker="x",
            color=RED,
            zorder=3,
            label="requests refused",
        )
    count_from_zero(axes)
    name_panel(axes, f"{name}: requests in flight")


def _draw_latency(axes: Axes, spans: Sequence[Span]) -> None:
    edges = _edges(spans)
    shares = {"p99": (0.99, RED, 1.1), "p95": (0.95, ORANGE, 1.3), "p50": (0.50, BLUE, 1.6)}
    for name, (share, color, width) in shares.items():
        values = [
            UNKNOWN if ms is None else ms for span in spans for ms in span.latencies_ms(share)
        ]
        axes.stairs(values, edges, baseline=None, color=color, linewidth=width, label=name)
    scale_latency(axes)


def _measure_time(axes: Axes, length_s: int) -> None:
    unit, unit_s = next(
        (unit for unit in _UNITS if length_s >= _LEAST_IN_UNIT * unit[1]), _UNITS[-1]
    )
    axes.set_xlim(0, length_s)
    steps = MaxNLocator(12, steps=[1, 2, 3, 5, 6, 10]).tick_values(0, length_s / unit_s)
    axes.set_xticks([step * unit_s for step in steps if step * unit_s <= length_s])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at_s, _position: f"{at_s / unit_s:g}"))
    axes.set_xlabel(f"{unit} since the start", color=MUTED)
