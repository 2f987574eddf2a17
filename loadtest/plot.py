"""A run as one picture: requests in flight, pods, and latency over the same seconds."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from loadtest.core.timeline import Second

INCHES = (10.0, 8.5)
DOTS_PER_INCH = 150

INK, MUTED, GRID = "#1b1f24", "#59636e", "#e4e7eb"
BLUE, ORANGE, RED = "#2563eb", "#ea7317", "#c81e3a"
LIGHT_BLUE = "#93b4f5"
UNKNOWN = float("nan")


def draw(seconds: Sequence[Second], title: str, path: Path) -> None:
    """Write the picture of a run as PNG, 1500 x 1275 pixels."""
    figure = Figure(figsize=INCHES, dpi=DOTS_PER_INCH, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    in_flight, pods, latency = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2.2, 3))
    figure.suptitle(title, x=0.012, ha="left", fontsize=13, fontweight="bold", color=INK)
    for axes in (in_flight, pods, latency):
        style(axes)
    _draw_in_flight(in_flight, seconds)
    _draw_pods(pods, seconds)
    _draw_latency(latency, seconds)
    latency.set_xlim(0, len(seconds))
    latency.set_xlabel("seconds since the start", color=MUTED)
    figure.savefig(path)


def style(axes: Axes) -> None:
    """Give a panel the look of all our pictures."""
    axes.grid(visible=True, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", colors=MUTED, length=0, labelsize=9)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)


def _name(axes: Axes, name: str, columns: int) -> None:
    """Put a panel's name and its legend above it."""
    axes.set_title(name, loc="left", fontsize=10.5, color=INK)
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=columns,
        frameon=False,
        fontsize=9,
        labelcolor=MUTED,
        borderaxespad=0.2,
        handlelength=1.6,
    )


def _draw_in_flight(axes: Axes, seconds: Sequence[Second]) -> None:
    times = [second.t_s + 0.5 for second in seconds]
    values = [second.in_flight for second in seconds]
    axes.fill_between(times, values, color=BLUE, alpha=0.12, linewidth=0)
    axes.plot(times, values, color=BLUE, linewidth=1.8, label="in flight")
    axes.stairs(
        [_target(second) for second in seconds],
        range(len(seconds) + 1),
        baseline=None,
        color=INK,
        linewidth=1.2,
        linestyle=(0, (4, 2)),
        label="target of the ready pods",
    )
    failed = [second for second in seconds if second.failures]
    if failed:
        axes.scatter(
            [second.t_s + 0.5 for second in failed],
            [second.in_flight for second in failed],
            marker="x",
            color=RED,
            zorder=3,
            label="requests failed",
        )
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    _name(axes, "Requests in flight, as the clients see them", columns=3)


def _target(second: Second) -> float:
    """Return the requests in flight that the ready pods together should have."""
    if second.pods is None or second.pods.target_in_flight is None:
        return UNKNOWN
    return second.pods.target_in_flight * second.pods.ready_pods


def _desired(second: Second) -> float:
    if second.pods is None or second.pods.desired_pods is None:
        return UNKNOWN
    return second.pods.desired_pods


def _draw_pods(axes: Axes, seconds: Sequence[Second]) -> None:
    edges = range(len(seconds) + 1)
    desired = [_desired(second) for second in seconds]
    ready = [float(second.pods.ready_pods) if second.pods else UNKNOWN for second in seconds]
    panicking = [second.pods is not None and second.pods.panicking for second in seconds]
    axes.fill_between(
        edges,
        0.94,
        1,
        where=[*panicking, False],
        step="post",
        transform=axes.get_xaxis_transform(),
        color=ORANGE,
        alpha=0.4,
        linewidth=0,
        label="panic mode",
    )
    axes.stairs(ready, edges, fill=True, color=LIGHT_BLUE, alpha=0.55, label="ready")
    axes.stairs(desired, edges, baseline=None, color=ORANGE, linewidth=1.8, label="desired")
    axes.set_ylim(0, max([1.0, *ready, *desired]) + 0.5)
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    _name(axes, "Pods", columns=3)


def _draw_latency(axes: Axes, seconds: Sequence[Second]) -> None:
    times = [second.t_s + 0.5 for second in seconds]
    for name, color, width in (("p99", RED, 1.1), ("p95", ORANGE, 1.3), ("p50", BLUE, 1.8)):
        values = [getattr(second, f"{name}_ms") for second in seconds]
        known = [UNKNOWN if value is None else value for value in values]
        axes.plot(times, known, color=color, linewidth=width, label=name, marker=".", markersize=3)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(_duration))
    axes.yaxis.set_minor_formatter(NullFormatter())
    _name(axes, "Latency of answered requests", columns=3)


def _duration(milliseconds: float, _position: int) -> str:
    seconds = milliseconds / 1000
    return f"{seconds:g} s" if seconds >= 1 else f"{milliseconds:g} ms"
