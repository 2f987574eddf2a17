"""The picture: delays of cold starts, waits of held requests, requests by pod."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes

from loadtest.bench_activator.core.figure import CaseResult
from servingkit.picture import BLUE, INK, MUTED, ORANGE, empty_figure, style

_INCHES: Final = (12.0, 4.0)
_MOST_SHOWN_RATIO: Final = 0.995


def draw(cases: Sequence[CaseResult], path: Path) -> None:
    """Write the picture as PNG, 1800 x 600 pixels; panels of cases that did not run are empty."""
    series: Mapping[str, Sequence[float]] = {
        name: values for case in cases for name, values in case.series.items()
    }
    figure = empty_figure(*_INCHES)
    cold, held, pods = figure.subplots(1, 3)
    for axes in (cold, held, pods):
        style(axes)
    _title(cold, "cold start: part of requests within so many ms")
    _distribution(cold, series.get("delay_ms", ()), BLUE, "model listens → first 40 reach it")
    _distribution(cold, series.get("gap_ms", ()), ORANGE, "freed slot → next request in it")
    cold.legend(
        frameon=False, fontsize=8, labelcolor=MUTED, loc="upper left", bbox_to_anchor=(0, -0.06)
    )
    _title(held, "held at zero: part answered so many s after asking")
    _distribution(held, series.get("held_answer_s", ()), BLUE, "")
    _title(pods, "60 % load, least loaded: requests by pod")
    counts = series.get("requests_by_pod", ())
    pods.bar(range(1, len(counts) + 1), counts, color=BLUE, width=0.7)
    figure.savefig(path)


def _distribution(axes: Axes, ascending: Sequence[float], color: str, label: str) -> None:
    shown = ascending[: max(1, round(len(ascending) * _MOST_SHOWN_RATIO))]
    parts = [(place + 1) / len(ascending) for place in range(len(shown))]
    axes.plot(shown, parts, color=color, linewidth=1.8, label=label)
    axes.set_ylim(0, 1.02)


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=10, color=INK)
