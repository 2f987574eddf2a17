"""Runs as one picture, a column for each: requests in flight, pods, and latency.

Long runs are thinned: a point then stands for several seconds.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from inflight.simulate.core.outcome import Outcome, Span, thin

INCHES_OF_RUN = 10.0
INCHES_HIGH = 8.5
DOTS_PER_INCH = 150

INK, MUTED, GRID = "#1b1f24", "#59636e", "#e4e7eb"
BLUE, ORANGE, RED = "#2563eb", "#ea7317", "#c81e3a"
LIGHT_BLUE = "#93b4f5"
UNKNOWN = float("nan")

_MOST_POINTS = 480
_SECOND_MS = 1000
_UNITS = (("hours", 3600), ("minutes", 60), ("seconds", 1))
_LEAST_IN_UNIT = 3


def draw(outcomes: Mapping[str, Outcome], path: Path) -> None:
    """Write the picture as PNG, 1500 x 1275 pixels a run. Scales are the same for all runs."""
    size = (INCHES_OF_RUN * len(outcomes), INCHES_HIGH)
    figure = Figure(figsize=size, dpi=DOTS_PER_INCH, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    panels = figure.subplots(
        3, len(outcomes), sharex=True, sharey="row", height_ratios=(3, 2.2, 3), squeeze=False
    )
    for column, (name, outcome) in enumerate(outcomes.items()):
        in_flight, pods, latency = (row[column] for row in panels)
        spans = list(thin(outcome.seconds, _MOST_POINTS))
        for axes in (in_flight, pods, latency):
            _style(axes)
        _draw_in_flight(in_flight, spans, name)
        _draw_pods(pods, spans)
        _draw_latency(latency, spans)
        _measure_time(latency, outcome.whole.length_s)
    figure.savefig(path)


def _style(axes: Axes) -> None:
    axes.grid(visible=True, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", colors=MUTED, length=0, labelsize=9)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)


def _name(axes: Axes, name: str) -> None:
    """Put a panel's name and its legend above it."""
    axes.set_title(name, loc="left", fontsize=10.5, color=INK)
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=3,
        frameon=False,
        fontsize=9,
        labelcolor=MUTED,
        borderaxespad=0.2,
        handlelength=1.6,
    )


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
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    _name(axes, f"{name}: requests in flight")


def _draw_pods(axes: Axes, spans: Sequence[Span]) -> None:
    edges = _edges(spans)
    desired = [span.desired_pods for span in spans]
    axes.fill_between(
        edges,
        0.94,
        1,
        where=[*(span.panicking for span in spans), False],
        step="post",
        transform=axes.get_xaxis_transform(),
        color=ORANGE,
        alpha=0.4,
        linewidth=0,
        label="panic mode",
    )
    ready = [span.ready_pods for span in spans]
    axes.stairs(ready, edges, fill=True, color=LIGHT_BLUE, alpha=0.55, label="ready")
    axes.stairs(desired, edges, baseline=None, color=ORANGE, linewidth=1.6, label="desired")
    axes.set_ylim(0, max(1, axes.get_ylim()[1], *ready, *desired) + 0.5)
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    _name(axes, "Pods")


def _draw_latency(axes: Axes, spans: Sequence[Span]) -> None:
    edges = _edges(spans)
    shares = {"p99": (0.99, RED, 1.1), "p95": (0.95, ORANGE, 1.3), "p50": (0.50, BLUE, 1.6)}
    for name, (share, color, width) in shares.items():
        values = [
            UNKNOWN if ms is None else ms for span in spans for ms in span.latencies_ms(share)
        ]
        axes.stairs(values, edges, baseline=None, color=color, linewidth=width, label=name)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(_duration))
    axes.yaxis.set_minor_formatter(NullFormatter())
    _name(axes, "Latency of answered requests")


def _measure_time(axes: Axes, length_s: int) -> None:
    unit, unit_s = next(
        (unit for unit in _UNITS if length_s >= _LEAST_IN_UNIT * unit[1]), _UNITS[-1]
    )
    axes.set_xlim(0, length_s)
    steps = MaxNLocator(12, steps=[1, 2, 3, 5, 6, 10]).tick_values(0, length_s / unit_s)
    axes.set_xticks([step * unit_s for step in steps if step * unit_s <= length_s])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at_s, _position: f"{at_s / unit_s:g}"))
    axes.set_xlabel(f"{unit} since the start", color=MUTED)


def _duration(milliseconds: float, _position: int) -> str:
    is_long = milliseconds >= _SECOND_MS
    return f"{milliseconds / _SECOND_MS:g} s" if is_long else f"{milliseconds:g} ms"
