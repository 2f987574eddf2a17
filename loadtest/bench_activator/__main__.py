"""`python -m loadtest.bench_activator`: what holding, waking and spreading cost and take."""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

import uvloop

from loadtest.bench.command import exit_code_of, write_page
from loadtest.bench.machine import Cores, describe_machine
from loadtest.bench.tool import find
from loadtest.bench_activator.bench import Bench
from loadtest.bench_activator.cases import cold, held, leave, noisy, spread, warm
from loadtest.bench_activator.chart import draw
from loadtest.bench_activator.core.figure import CaseResult
from loadtest.bench_activator.core.page import Run, page
from loadtest.stop_signals import until_stopped
from servingkit.open_files import raise_limit

PAGE_NAME: Final = "benchmarks-activator"
"""Of the page and its picture, without their suffixes."""

CASES: Final[Mapping[str, Callable[[Bench], Awaitable[CaseResult]]]] = {
    "held": held.measure,
    "cold": cold.measure,
    "noisy": noisy.measure,
    "spread": spread.measure,
    "leave": leave.measure,
    "warm": warm.measure,
}


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's choices."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench_activator", description=__doc__)
    parser.add_argument(
        "--cases", nargs="*", choices=CASES, default=list(CASES), help="which; all if left out"
    )
    parser.add_argument("--quick", action="store_true", help="short, to see that it works")
    parser.add_argument("--docs", type=Path, default=Path("out/bench"), help="for page and picture")
    return parser.parse_args(arguments)


async def measure(names: Sequence[str], bench: Bench) -> list[CaseResult]:
    """Carry out the cases, one after the other."""
    results = []
    for name in names:
        print(f"{name} ...", flush=True)
        result = await CASES[name](bench)
        for figure in result.figures:
            aim = "" if figure.most is None else f"   (at most {figure.most:g})"
            missed = "" if figure.met else "   MISSED"
            print(f"  {figure.text}: {figure.value:.4g} {figure.unit}{aim}{missed}", flush=True)
        results.append(result)
    return results


def bench(options: argparse.Namespace) -> None:
    """Measure, and write page and picture."""
    machine = describe_machine()
    find("taskset", "apt-get install util-linux")
    cores = Cores.divide()
    os.sched_setaffinity(0, cores.others)
    raise_limit()  # ten thousand connections, ours and our children's
    with tempfile.TemporaryDirectory(prefix="inflight-bench-") as folder:
        subject = Bench(folder=Path(folder), core=cores.proxy, quick=options.quick)
        cases = uvloop.run(until_stopped(measure(options.cases, subject)))
    run = Run(
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        machine=machine,
        versions={
            "Python": platform.python_version(),
            **{name: version(name) for name in ("inflight", "uvloop", "httptools")},
        },
        quick=options.quick,
        cases=cases,
    )
    path = write_page(options.docs, PAGE_NAME, partial(page, run), partial(draw, cases))
    print(f"page in {path}")


def main() -> int:
    """Run the benchmark; return its exit code."""
    return exit_code_of(partial(bench, parse()))


if __name__ == "__main__":
    sys.exit(main())
