"""The page of the benchmark, in Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from loadtest.bench_activator.core.figure import CaseResult, Figure
from loadtest.core.markdown import fact_table, table, versions_in_words

_METHOD: Final = """\
Real processes on one machine: the activator has a core for itself; sidecars, models, clients and
nginx share the others. The activator is told of its pods as it would be by a cluster, and of
nothing else; it looks for its autoscaler in vain, and serves. CPU is user and system time of the
activator's process, memory its resident set. Ratios are worth more than numbers: these are of one
small machine.
"""

_AGAIN: Final = """\
`make bench-activator` (needs `wrk` and `nginx`), or `python -m loadtest.bench_activator --help`
for a part of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What was measured, and where."""

    date: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    quick: bool
    cases: Sequence[CaseResult]


def page(run: Run, picture: str) -> str:
    """Return the page; `picture` is the name of the picture's file."""
    parts = [
        "# Benchmarks of the activator",
        "Written by `python -m loadtest.bench_activator`; changes by hand are lost.",
        *(["**A quick run: too short for numbers worth keeping.**"] if run.quick else []),
        f"![Delays of a cold start, and requests by pod]({picture})",
        "## Aims",
        _aims(run.cases),
        "## How it was measured",
        _METHOD + "\n" + _circumstances(run),
        *(_case(case) for case in run.cases),
        "## Again",
        _AGAIN,
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _aims(cases: Sequence[CaseResult]) -> str:
    rows = [
        [f"{case.title}: {figure.text}", _number(figure), _aim(figure), _verdict(figure)]
        for case in cases
        for figure in case.figures
        if figure.most is not None
    ]
    return table(["", "measured", "aim", ""], rows)


def _case(case: CaseResult) -> str:
    rows = [[figure.text, _number(figure), _aim(figure)] for figure in case.figures]
    return f"## {case.title}\n\n{case.method}\n\n{table(['', 'measured', 'aim'], rows)}"


def _circumstances(run: Run) -> str:
    versions = versions_in_words(run.versions)
    return fact_table({"Date": run.date, **run.machine, "Versions": versions})


def _number(figure: Figure) -> str:
    value = figure.value
    form = ",.0f" if value >= 100 or value == int(value) else ".3g"  # noqa: PLR2004 -- digits
    return f"{value:{form}} {figure.unit}".rstrip()


def _aim(figure: Figure) -> str:
    return "" if figure.most is None else f"≤ {figure.most:g} {figure.unit}".rstrip()


def _verdict(figure: Figure) -> str:
    return "met" if figure.met else "**missed**"
