"""A run as one picture: requests in flight, pods, and latency over the same seconds."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes

from loadtest.core.timeline import Second
from servingkit.picture import (
    BLUE,
    INK,
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


def draw(seconds: Sequence[Second], title: str, path: Path) -> None:
    """Write the picture of a run as PNG, 1500 x 1275 pixels."""
    figure = empty_figure(10.0, 8.5)
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
    count_from_zero(axes)
    name_panel(axes, "Requests in flight, as the clients see them")


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
    draw_pods(
        axes,
        edges=range(len(seconds) + 1),
        ready=[float(second.pods.ready_pods) if second.pods else UNKNOWN for second in seconds],
        desired=[_desired(second) for second in seconds],
        panicking=[second.pods is not None and second.pods.panicking for second in seconds],
    )


def _draw_latency(axes: Axes, seconds: Sequence[Second]) -> None:
    times = [second.t_s + 0.5 for second in seconds]
    for name, color, width in (("p99", RED, 1.1), ("p95", ORANGE, 1.3), ("p50", BLUE, 1.8)):
        values = [getattr(second, f"{name}_ms") for second in seconds]
        known = [UNKNOWN if value is None else value for value in values]
        axes.plot(times, known, color=color, linewidth=width, label=name, marker=".", markersize=3)
    scale_latency(axes)
