"""`python -m loadtest.bench`: the sidecar beside nginx, HAProxy, Go, aiohttp and its floor."""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import uvloop

from loadtest.bench.case import Timing
from loadtest.bench.chart import draw
from loadtest.bench.command import exit_code_of, write_page
from loadtest.bench.core.page import page
from loadtest.bench.core.results import Results
from loadtest.bench.lineup import CASES, PEERS
from loadtest.bench.machine import Cores
from loadtest.bench.run import Plan, Run
from loadtest.stop_signals import until_stopped

RESULTS_NAME = "results.json"
PAGE_NAME = "benchmarks"
"""Of the page and its picture, without their suffixes."""

FULL = Timing(warm_up_s=1, measured_s=3)
QUICK = Timing(warm_up_s=1, measured_s=2)
FULL_ROUNDS = 2
"""With all proxies and cases some twelve minutes."""


class Named(Protocol):
    """A proxy or a case."""

    @property
    def name(self) -> str:
        """What the command line calls it."""


Chosen = TypeVar("Chosen", bound=Named)


def chosen(names: str, among: Sequence[Chosen]) -> list[Chosen]:
    """Return those named in a list with commas, in the usual order; all for an empty list.

    Raises argparse.ArgumentTypeError for a name that does not exist.
    """
    wanted = set(filter(None, names.split(",")))
    unknown = wanted - {item.name for item in among}
    if unknown:
        known = ", ".join(item.name for item in among)
        message = f"no such name: {', '.join(sorted(unknown))} (there are {known})"
        raise argparse.ArgumentTypeError(message)
    return [item for item in among if not wanted or item.name in wanted]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the command line's choices."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench", description=__doc__)
    parser.add_argument(
        "--only",
        type=lambda names: chosen(names, PEERS),
        default=list(PEERS),
        metavar="NAME,…",
        help=f"proxies, of {', '.join(peer.name for peer in PEERS)}",
    )
    parser.add_argument(
        "--cases",
        type=lambda names: chosen(names, CASES),
        default=list(CASES),
        metavar="NAME,…",
        help=f"cases, of {', '.join(case.name for case in CASES)}",
    )
    parser.add_argument("--rounds", type=int, help=f"medians of so many ({FULL_ROUNDS})")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--out", type=Path, default=Path("out/bench"), help="for results.json")
    parser.add_argument("--docs", type=Path, help="for page and picture (the folder of --out)")
    parser.add_argument("--from", dest="source", type=Path, help="show an earlier results.json")
    return parser.parse_args(arguments)


def tell(sentence: str) -> None:
    """Say at once what is done."""
    print(sentence, flush=True)


def measure(options: argparse.Namespace) -> Results:
    """Measure what the options ask for."""
    cores = Cores.divide()
    os.sched_setaffinity(0, cores.others)
    plan = Plan(
        peers=options.only,
        cases=options.cases,
        rounds=options.rounds or (1 if options.quick else FULL_ROUNDS),
        timing=QUICK if options.quick else FULL,
    )
    with tempfile.TemporaryDirectory(prefix="inflight-bench-") as folder:
        return uvloop.run(until_stopped(Run(plan, cores, Path(folder), tell).results()))


def bench(options: argparse.Namespace) -> None:
    """Measure, or read what was measured; write results, page and picture."""
    if options.source:
        results = Results.from_json(options.source.read_text(encoding="utf-8"))
    else:
        results = measure(options)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / RESULTS_NAME
    path.write_text(results.to_json(), encoding="utf-8")
    write_page(
        options.docs or options.out, PAGE_NAME, partial(page, results), partial(draw, results)
    )
    tell(f"results in {path}")


def main() -> int:
    """Run the benchmark; return its exit code."""
    return exit_code_of(partial(bench, parse()))


if __name__ == "__main__":
    sys.exit(main())
