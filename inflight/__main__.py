"""Entry point of the command `inflight`: parse, run, exit code."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version

import uvloop
from rich.console import Console

from inflight.inject import command_line as inject_line
from inflight.local import app, command_line
from inflight.local.output import JsonOutput, Output, PlainOutput
from inflight.local.settings import LocalSettings
from inflight.local.table import TableOutput
from inflight.replay import command_line as replay_line
from inflight.simulate import app as simulate_app
from inflight.simulate import command_line as simulate_line
from inflight.status import app as status_app
from inflight.status import command_line as status_line
from servingkit import logs, open_files
from servingkit.config import errors_in, exit_code_of

_EXIT_FAILED = 1
_PIPE_COLUMNS = 160
_EXIT_KILLED = 130
"""What a shell reports for a program that Ctrl-C has killed."""


def main() -> int:
    """Run the command; return the exit code."""
    if sys.stdout is None:  # closed by whoever started us
        return _EXIT_FAILED
    arguments, command = _parse(sys.argv[1:])
    exit_code = 0
    try:
        exit_code = exit_code_of(partial(_run, arguments, command))
        sys.stdout.flush()
    except* BrokenPipeError:
        exit_code = _EXIT_FAILED  # whoever read our output is gone
    except* OSError as group:
        for error in errors_in(group):
            print(f"inflight: {error}", file=sys.stderr)
        exit_code = _EXIT_FAILED
    except* KeyboardInterrupt:
        exit_code = _EXIT_KILLED
    _flush_or_drop()
    return exit_code


def _flush_or_drop() -> None:
    """Let what cannot be written not be tried once more, and complained of, by the interpreter."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parse(argv: Sequence[str]) -> tuple[argparse.Namespace, Sequence[str]]:
    """Return the options and, apart, the command after `--`, in which nothing is ours."""
    end = argv.index("--") if "--" in argv else len(argv)
    parser = argparse.ArgumentParser(
        prog="inflight", description="Request-based autoscaling for model servers."
    )
    parser.add_argument("--version", action="version", version=f"inflight {version('inflight')}")
    commands = parser.add_subparsers(title="commands", dest="command", required=True)
    local = commands.add_parser(
        "local",
        help="run the whole loop on this machine, without a cluster",
        description=command_line.DESCRIPTION,
        epilog=command_line.EPILOG,
        usage="inflight local --name NAME [OPTION…] -- COMMAND…\n       inflight local FILE…",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command_line.add_options(local)
    replay = commands.add_parser(
        "replay",
        help="take recorded decisions again, and compare",
        description=replay_line.DESCRIPTION,
        epilog=replay_line.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    replay_line.add_options(replay)
    simulate = commands.add_parser(
        "simulate",
        help="run the autoscaler on a load trace, faster than real time",
        description=simulate_line.DESCRIPTION,
        epilog=simulate_line.EPILOG,
        usage="inflight simulate [FILE] [OPTION…]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    simulate_line.add_options(simulate)
    inject = commands.add_parser(
        "inject",
        help="put the sidecar into Kubernetes manifests",
        description=inject_line.DESCRIPTION,
        epilog=inject_line.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    inject_line.add_options(inject)
    status = commands.add_parser(
        "status",
        help="show what the autoscaler sees and decides",
        description=status_line.DESCRIPTION,
        epilog=status_line.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    status_line.add_options(status)
    arguments, command = parser.parse_args(argv[:end]), argv[end + 1 :]
    if command and arguments.command != "local":
        parser.error(f"inflight {arguments.command} takes no command after --")
    return arguments, command


def _run(arguments: argparse.Namespace, command: Sequence[str]) -> int:
    match arguments.command:
        case "inject":
            return inject_line.run(arguments)
        case "replay":
            return replay_line.run(arguments)
        case "status":
            settings = status_line.read_settings(arguments, os.environ)
            return uvloop.run(status_app.run(settings, status_app.Screen(_console(), sys.stderr)))
        case "simulate":
            simulate_app.run(simulate_line.read_settings(arguments))
            return 0
        case _:
            search_path = os.environ.get("PATH")
            return _run_local(command_line.read_settings(arguments, command, search_path))


def _console() -> Console:
    """Return standard output; what reads it instead of a terminal is not bound to 80 columns."""
    return Console() if sys.stdout.isatty() else Console(width=_PIPE_COLUMNS)


def _run_local(settings: LocalSettings) -> int:
    with _output(settings) as output:
        # Only now: a live table redirects standard error to above itself.
        logs.configure("inflight", "warning")
        open_files.raise_limit()
        try:
            uvloop.run(app.run(settings, os.environ, output))
        except asyncio.CancelledError:
            return _EXIT_KILLED
    return 0


def _output(settings: LocalSettings) -> Output:
    if settings.json:
        return JsonOutput(sys.stdout)
    if sys.stdout.isatty():
        return TableOutput(Console())
    return PlainOutput(sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
