"""Reads a load trace from CSV: the column `t_s`, and `concurrency` or `arrivals_per_s`."""

import csv
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from inflight.simulate.core.load import Level, Load, LoadKind
from servingkit.config import ConfigError, Problem

_TIME = "t_s"
_KINDS = " or ".join(kind.value for kind in LoadKind)


def read_load(path: Path) -> Load:
    """Return the load of a file; raises ConfigError that names the line that cannot be used.

    A row holds from its time to that of the next; the last one as long as the one before it, or a
    second. Times count from the first row. Other columns are ignored.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _refused(path, f"a CSV file that can be read ({error})") from error
    if not rows:
        raise _refused(path, "at least one row below the names of the columns")
    kinds = [kind for kind in LoadKind if kind.value in rows[0]]
    if _TIME not in rows[0] or len(kinds) != 1:
        raise _refused(path, f"the columns {_TIME}, and {_KINDS}")
    times_s = _numbers(path, rows, _TIME)
    values = _numbers(path, rows, kinds[0].value)
    return Load(kinds[0], _levels(path, times_s, values))


def _numbers(path: Path, rows: Sequence[dict[str, str | None]], column: str) -> list[float]:
    numbers = []
    for line, row in enumerate(rows, start=2):
        try:
            number = float(row[column] or "")
        except ValueError:
            number = math.nan
        if not 0 <= number < math.inf:
            raise _refused(path, f"a number of at least 0 as {column} in line {line}")
        numbers.append(number)
    return numbers


def _levels(path: Path, times_s: Sequence[float], values: Sequence[float]) -> tuple[Level, ...]:
    for line, (before, after) in enumerate(pairwise(times_s), start=3):
        if after <= before:
            raise _refused(path, f"a later {_TIME} in line {line} than in the line before")
    last_s = times_s[-1] - times_s[-2] if len(times_s) > 1 else 1.0
    edges = [time_s - times_s[0] for time_s in (*times_s, times_s[-1] + last_s)]
    return tuple(map(Level, edges, edges[1:], values))


def _refused(path: Path, expected: str) -> ConfigError:
    return ConfigError([Problem("FILE", str(path), expected)])
