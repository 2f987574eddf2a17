"""The picture of the benchmark: CPU of each proxy in each case, relative to nginx."""

from pathlib import Path
from typing import Final

from loadtest.bench.core.metric import Metric
from loadtest.bench.core.names import (
    AIOHTTP,
    ANSWER,
    EVENTS,
    FLOOR,
    GO,
    HAPROXY,
    NGINX,
    OURS,
    OURS_COMPILED,
    OURS_LIMITED,
    POST_1,
    POST_32,
    POST_256,
    POST_OWN,
    UPLOAD,
)
from loadtest.bench.core.results import Results
from servingkit.picture import BLUE, INK, LIGHT_BLUE, MUTED, ORANGE, empty_figure, style

INCHES: Final = (11.0, 5.5)
GROUP_WIDTH: Final = 0.86

COLORS: Final = {
    OURS: BLUE,
    OURS_LIMITED: LIGHT_BLUE,
    OURS_COMPILED: "#1e3a8a",
    FLOOR: "#c9d1d9",
    NGINX: INK,
    HAPROXY: "#8b949e",
    GO: ORANGE,
    AIOHTTP: "#e6b800",
}

LABELS: Final = {
    POST_1: "60-byte POST\n1 connection",
    POST_32: "60-byte POST\n32 connections",
    POST_256: "60-byte POST\n256 connections",
    POST_OWN: "60-byte POST\nno two alike",
    ANSWER: "1 MiB answer\n32 connections",
    UPLOAD: "64 KiB upload\n32 connections",
    EVENTS: "server-sent events\n200 streams",
}


def draw(results: Results, path: Path) -> None:
    """Write the picture as PNG, 1650 x 825 pixels. Without nginx its bars are missing."""
    figure = empty_figure(*INCHES)
    axes = figure.subplots()
    style(axes)
    axes.grid(visible=False, axis="x")
    cases = [case for case in LABELS if case in results.measured]
    peers = list(results.peers)
    width = GROUP_WIDTH / max(len(peers), 1)
    for place, peer in enumerate(peers):
        left = (place - (len(peers) - 1) / 2) * width
        ratios = [results.ratio(case, peer, NGINX, Metric.CPU_US) or 0.0 for case in cases]
        bars = axes.bar(
            [group + left for group in range(len(cases))],
            ratios,
            width=width * 0.92,
            color=COLORS[peer],
            label=peer,
        )
        names = [f"{ratio:.1f}" if ratio else "" for ratio in ratios]
        axes.bar_label(bars, names, fontsize=8, color=MUTED, padding=2)
    axes.axhline(1.0, color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
    axes.set_xticks(range(len(cases)), [LABELS[case] for case in cases])
    axes.set_title(
        "CPU time per request or event, as a multiple of nginx's (less is better)",
        loc="left",
        fontsize=12,
        fontweight="bold",
        color=INK,
        pad=28,
    )
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=max(len(peers), 1),
        frameon=False,
        fontsize=9,
        labelcolor=MUTED,
        borderaxespad=0.2,
        handlelength=1.2,
    )
    figure.savefig(path)
