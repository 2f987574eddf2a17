"""Reads a load trace from CSV: the column `t_s`, and `concurrency` or `arrivals_per_s`."""

import csv
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from inflight.simulate.core.load import LONGEST_S, MOST_LOAD, Level, Load, LoadKind
from servingkit.config import ConfigError, Problem

_TIME = "t_s"
_KINDS = " or ".join(kind.value for kind in LoadKind)
_MOST_TIME_S = 1e12
"""Later instants could not be told apart to the millisecond; a time may count from 1970."""


def read_load(path: Path) -> Load:
    """Return the load of a file; raises ConfigError that names the line that cannot be used.

    A row holds from its time to that of the next; the last one as long as the one before it, or a
    second. Times count from the first row. Other columns are ignored.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _refused(path, f"a CSV file that can be read ({error})") from error
    if not rows:
        raise _refused(path, "at least one row below the names of the columns")
    kinds = [kind for kind in LoadKind for column in columns if column == kind.value]
    if columns.count(_TIME) != 1 or len(kinds) != 1:
        raise _refused(
            path, f"the column {_TIME}, and one of {_KINDS}; it has {', '.join(columns)}"
        )
    times_s = _numbers(path, rows, _TIME, _MOST_TIME_S)
    values = _numbers(path, rows, kinds[0].value, MOST_LOAD)
    return Load(kinds[0], _levels(path, times_s, values))


def _numbers(
    path: Path, rows: Sequence[dict[str, str | None]], column: str, most: float
) -> list[float]:
    numbers = []
    for line, row in enumerate(rows, start=2):
        text = row[column] or ""
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not 0 <= number <= most:
            expected = f"a number from 0 to {most:g} as {column} in line {line}, not {text!r}"
            raise _refused(path, expected)
        numbers.append(number)
    return numbers


def _levels(path: Path, times_s: Sequence[float], values: Sequence[float]) -> tuple[Level, ...]:
    for line, (before, after) in enumerate(pairwise(times_s), start=3):
        if after <= before:
            raise _refused(path, f"a later {_TIME} in line {line} than in the line before")
    last_s = times_s[-1] - times_s[-2] if len(times_s) > 1 else 1.0
    if times_s[-1] + last_s - times_s[0] > LONGEST_S:
        raise _refused(path, f"at most {LONGEST_S} s (31 days) from the first row on")
    edges = [time_s - times_s[0] for time_s in (*times_s, times_s[-1] + last_s)]
    return tuple(map(Level, edges, edges[1:], values))


def _refused(path: Path, expected: str) -> ConfigError:
    return ConfigError([Problem("FILE", str(path), expected)])
