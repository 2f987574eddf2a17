"""`python -m loadtest.bench_autoscaler`: decisions, stats and scrapes at scale."""

import argparse
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

import uvloop

from loadtest.bench.command import exit_code_of, write_page
from loadtest.bench.machine import Cores, describe_machine
from loadtest.bench_autoscaler.cases import FULL, QUICK, Scale, decide, poke, receive, scrape
from loadtest.bench_autoscaler.chart import draw
from loadtest.bench_autoscaler.core.page import page
from loadtest.bench_autoscaler.core.results import Results, Values, combined
from loadtest.stop_signals import until_stopped

RESULTS_NAME: Final = "results.json"
PAGE_NAME: Final = "benchmarks-autoscaler"
"""Of the page and its picture, without their suffixes."""

_ROUNDS: Final = 2
_MEASURED_WITH: Final = ("uvloop", "httptools", "aiohttp", "protobuf", "websockets")

Cases = Mapping[str, Callable[[], Awaitable[Values]]]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the command line's choices."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.bench_autoscaler", description=__doc__
    )
    parser.add_argument("--quick", action="store_true", help="one short round of a tenth the size")
    parser.add_argument("--rounds", type=int, help=f"medians of so many ({_ROUNDS})")
    parser.add_argument("--only", default="", metavar="WORD", help="cases with this in their names")
    parser.add_argument("--out", type=Path, default=Path("out/bench-autoscaler"))
    parser.add_argument("--docs", type=Path, help="for page and picture (the folder of --out)")
    parser.add_argument("--from", dest="source", type=Path, help="show an earlier results.json")
    return parser.parse_args(arguments)


def cases_of(scale: Scale, cores: Cores) -> Cases:
    """Return all cases by name, in the order of the page."""
    cases: dict[str, Callable[[], Awaitable[Values]]] = {}
    for revisions in scale.revisions:
        cases[f"decide {revisions}"] = partial(decide, revisions, scale, cores)
    cases["poke"] = partial(poke, scale, cores)
    for server in ("inflight", "websockets", "aiohttp"):
        cases[f"receive {server}"] = partial(receive, server, scale, cores)
    for client in ("inflight", "aiohttp"):
        cases[f"scrape {client}"] = partial(scrape, client, scale, cores)
    return cases


async def measure(options: argparse.Namespace, scale: Scale, cores: Cores) -> Results:
    """Measure what the options ask for."""
    machine = describe_machine()
    cases = {name: case for name, case in cases_of(scale, cores).items() if options.only in name}
    rounds = options.rounds or (1 if options.quick else _ROUNDS)
    measured: dict[str, list[Values]] = {}
    for number in range(1, rounds + 1):
        for name, case in cases.items():
            print(f"round {number} of {rounds}: {name}", flush=True)
            measured.setdefault(name, []).append(await case())
    return Results(
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        machine=machine,
        versions={name: version(name) for name in _MEASURED_WITH},
        rounds=rounds,
        seconds=scale.measured_s,
        revisions=scale.revisions,
        stats_per_second=scale.stats_per_second,
        activators=scale.activators,
        pods=scale.pods,
        pokes=scale.pokes,
        measured={name: combined(values) for name, values in measured.items()},
    )


def bench(options: argparse.Namespace) -> None:
    """Measure, or read what was measured; write results, page and picture."""
    if options.source:
        results = Results.from_json(options.source.read_text(encoding="utf-8"))
    else:
        cores = Cores.divide()
        os.sched_setaffinity(0, cores.others)
        scale = QUICK if options.quick else FULL
        results = uvloop.run(until_stopped(measure(options, scale, cores)))
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / RESULTS_NAME
    path.write_text(results.to_json(), encoding="utf-8")
    write_page(
        options.docs or options.out, PAGE_NAME, partial(page, results), partial(draw, results)
    )
    print(f"results in {path}")


def main() -> int:
    """Run the benchmark; return its exit code."""
    return exit_code_of(partial(bench, parse()))


if __name__ == "__main__":
    sys.exit(main())
