"""`python -m loadtest demo` and `python -m loadtest run`."""

import argparse
import asyncio
import os
import sys
from collections.abc import Coroutine
from functools import partial
from pathlib import Path

from loadtest.child import ChildError
from loadtest.config import Config
from loadtest.demo import Demo
from loadtest.demo_plan import FULL, QUICK
from loadtest.narrator import Narrator
from loadtest.run import Target, run
from loadtest.stop_signals import EXIT_STOPPED, until_stopped
from servingkit.config import exit_code_of


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the command line's choices."""
    parser = argparse.ArgumentParser(prog="python -m loadtest", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    demo = commands.add_parser(
        "demo", help="0 pods, a held request, out under load, back to 0: iris on this machine"
    )
    demo.add_argument("--quick", action="store_true", help="a minute, with shorter windows")
    demo.add_argument("--out", type=Path, default=Path("out/demo"), help="folder for the report")

    load = commands.add_parser(
        "run",
        help="load on a revision that runs already",
        epilog="The environment sets the load: LOADTEST_PEAK_USERS and others, docs/loadtest.md.",
    )
    load.add_argument("users", choices=("sleeper", "iris"), help="which model it is")
    load.add_argument("--host", required=True, help="URL of the revision")
    load.add_argument("--api", default="", help="URL of the control API, to record the pods")
    load.add_argument("--revision", help="NAMESPACE/NAME (default/USERS)")
    load.add_argument("--shape", choices=("ramp", "step"), default="ramp")
    load.add_argument("--out", type=Path, default=Path("out/run"), help="folder for the report")
    return parser.parse_args(arguments)


def chosen(options: argparse.Namespace) -> Coroutine[None, None, int]:
    """Return the run that the options ask for."""
    narrator = Narrator()
    if options.command == "demo":
        return Demo(QUICK if options.quick else FULL, options.out, narrator).run()
    target = Target(
        users=options.users,
        host=options.host.rstrip("/"),
        shape=options.shape,
        api=options.api.rstrip("/"),
        revision=options.revision or f"default/{options.users}",
    )
    return run(target, options.out, narrator)


def main() -> int:
    """Run a command; return its exit code."""
    return exit_code_of(partial(_run, parse()))


def _run(options: argparse.Namespace) -> int:
    Config.from_env(os.environ)  # the load generator's processes read it, too late to say so
    options.out.mkdir(parents=True, exist_ok=True)
    exit_code = EXIT_STOPPED
    try:
        exit_code = asyncio.run(until_stopped(chosen(options)))
    except* ChildError as failed:
        print(*failed.exceptions, sep="\n", file=sys.stderr)
        exit_code = 1
    except* (KeyboardInterrupt, asyncio.CancelledError):
        print("stopped", file=sys.stderr)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
