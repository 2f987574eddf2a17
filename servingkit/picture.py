"""The look of all our pictures: colours, panels, and the panels that two of them have.

Needs matplotlib, which comes with the extras of those who draw.
"""

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

INK, MUTED, GRID = "#1b1f24", "#59636e", "#e4e7eb"
BLUE, ORANGE, RED = "#2563eb", "#ea7317", "#c81e3a"
LIGHT_BLUE: Final = "#93b4f5"

UNKNOWN: Final = float("nan")
"""Draws nothing."""

_DOTS_PER_INCH: Final = 150
_SECOND_MS: Final = 1000


def empty_figure(width_inches: float, height_inches: float) -> Figure:
    """Return a figure of 150 dots an inch that can be saved as PNG."""
    size = (width_inches, height_inches)
    figure = Figure(figsize=size, dpi=_DOTS_PER_INCH, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def style(axes: Axes) -> None:
    """Give a panel the look of all our pictures."""
    axes.grid(visible=True, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", colors=MUTED, length=0, labelsize=9)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)


def name_panel(axes: Axes, name: str) -> None:
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


def count_from_zero(axes: Axes) -> None:
    """Let a panel's height count something whole."""
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))


def draw_pods(
    axes: Axes,
    edges: Sequence[int],
    ready: Sequence[float],
    desired: Sequence[float],
    panicking: Sequence[bool],
) -> None:
    """Draw the panel of pods: ready and desired ones between the edges, and when it panicked."""
    highest = axes.get_ylim()[1]  # 1, or what another panel needs that has the same scale
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
    axes.set_ylim(top=max([highest, *(pods + 0.5 for pods in (1.0, *ready, *desired))]))
    count_from_zero(axes)
    name_panel(axes, "Pods")


def scale_latency(axes: Axes) -> None:
    """Let a panel's height be milliseconds, each power of ten as high as the next."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(_duration))
    axes.yaxis.set_minor_formatter(NullFormatter())
    name_panel(axes, "Latency of answered requests")


def _duration(milliseconds: float, _position: int) -> str:
    is_long = milliseconds >= _SECOND_MS
    return f"{milliseconds / _SECOND_MS:g} s" if is_long else f"{milliseconds:g} ms"
