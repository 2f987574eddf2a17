"""The command `inflight replay`: its options, and what it prints."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from inflight.replay.core.replay import ReplayedTick, replay
from inflight.replay.trace_file import read_traces

HELP = "take recorded decisions again, and compare"

DESCRIPTION = """\
Take the decisions of recorded traces again, and compare.

Each tick is decided by this autoscaler's own windows and decider, with the load and the
ready pods of the trace. Averages must agree within 1e-6, everything else exactly.
docs/replay.md has the format, to record traces of your own.
"""

EPILOG = (
    "exit codes: 0 no tick differs, 1 some differ, 78 a file that cannot be used, 2 wrong usage"
)

EXIT_DIFFERS = 1
_SHOWN = 20
"""Differences that are shown; the rest is counted."""

_HEADINGS = ("trace", "tick", "ours: stable panic desired excess", "theirs")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `inflight replay`."""
    parser.add_argument("file", metavar="FILE", type=Path, help="decision traces, in JSON")


def run(arguments: argparse.Namespace) -> int:
    """Replay and print; return the exit code. Raises ConfigError for a file that cannot be used."""
    traces = read_traces(arguments.file)
    ticks = list(chain.from_iterable(map(replay, traces)))
    differing = [tick for tick in ticks if tick.differs]
    lines = [*_table(differing[:_SHOWN])]
    if len(differing) > _SHOWN:
        lines.append(f"... and {len(differing) - _SHOWN} more")
    lines.append(f"{len(differing)} of {len(ticks)} ticks differ")
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return EXIT_DIFFERS if differing else 0


def _table(ticks: Sequence[ReplayedTick]) -> Iterator[str]:
    """Yield the ticks as lines, ours beside theirs; nothing if there are none."""
    if not ticks:
        return
    rows = [_HEADINGS]
    rows += [(tick.trace, str(tick.theirs.t), str(tick.ours), str(tick.theirs)) for tick in ticks]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for trace, tick, ours, theirs in rows:
        yield f"{trace:{widths[0]}}  {tick:>{widths[1]}} | {ours:{widths[2]}} | {theirs}"
