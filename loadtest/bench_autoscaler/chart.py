"""The picture: CPU by number of revisions, and for stats and scrapes beside others."""

from pathlib import Path
from typing import Final

from matplotlib.axes import Axes

from loadtest.bench_autoscaler.core.results import Metric, Results
from servingkit.picture import BLUE, INK, LIGHT_BLUE, MUTED, empty_figure, style

_INCHES: Final = (11.0, 4.5)
_AIM_CORES: Final = 0.5


def draw(results: Results, path: Path) -> None:
    """Write the picture as PNG, 1650 x 675 pixels."""
    figure = empty_figure(*_INCHES)
    growth, others = figure.subplots(1, 2, width_ratios=(1, 1.25))
    for axes in (growth, others):
        style(axes)
        axes.axhline(_AIM_CORES, color=INK, linewidth=1, linestyle=(0, (4, 2)))
    _draw_growth(growth, results)
    _draw_others(others, results)
    figure.savefig(path)


def _draw_growth(axes: Axes, results: Results) -> None:
    cores = [results.value(f"decide {n}", Metric.CORES) or 0.0 for n in results.revisions]
    axes.plot(results.revisions, cores, color=BLUE, marker="o", linewidth=1.8)
    for revisions, value in zip(results.revisions, cores, strict=True):
        axes.annotate(
            f"{value:.2f}",
            (revisions, value),
            textcoords="offset points",
            xytext=(0, 7),
            ha="center",
            fontsize=9,
            color=MUTED,
        )
    axes.set_xlim(left=0)
    axes.set_ylim(0, max([_AIM_CORES, *cores]) * 1.15)
    axes.set_xlabel("revisions, each decided every 2 s", color=MUTED)
    axes.set_title("Cores for decisions (dashed: aim)", loc="left", fontsize=10.5, color=INK)


def _draw_others(axes: Axes, results: Results) -> None:
    names = [name for name in results.measured if name.startswith(("receive ", "scrape "))]
    cores = [results.value(name, Metric.CORES) or 0.0 for name in names]
    colors = [BLUE if name.endswith(" inflight") else LIGHT_BLUE for name in names]
    bars = axes.bar(range(len(names)), cores, width=0.6, color=colors)
    axes.bar_label(bars, [f"{value:.2f}" for value in cores], fontsize=9, color=MUTED, padding=2)
    axes.grid(visible=False, axis="x")
    labels = [name.partition(" ")[2] for name in names]
    what = [
        f"{results.stats_per_second:,} stats/s"
        if name.startswith("receive")
        else f"{results.pods:,} pods/s"
        for name in names
    ]
    axes.set_xticks(
        range(len(names)), [f"{one}\n{label}" for one, label in zip(what, labels, strict=True)]
    )
    axes.set_ylim(0, max([_AIM_CORES, *cores]) * 1.15)
    axes.set_title(
        "Cores for reports; the others decode and forget", loc="left", fontsize=10.5, color=INK
    )
