"""Entry point of the command `inflight`: parse, run, exit code."""

import argparse
import asyncio
import io
import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import Protocol

import uvloop
from rich.console import Console

from inflight.inject import command_line as inject_line
from inflight.local import app
from inflight.local import command_line as local_line
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


class CommandLine(Protocol):
    """What a command says of itself, and which options it has."""

    HELP: str
    DESCRIPTION: str
    EPILOG: str

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add its options."""


_COMMAND_LINES: Mapping[str, CommandLine] = {
    "local": local_line,
    "replay": replay_line,
    "simulate": simulate_line,
    "inject": inject_line,
    "status": status_line,
}

_EXIT_FAILED = 1
_PIPE_COLUMNS = 160
_EXIT_KILLED = 130
"""What a shell reports for a program that Ctrl-C has killed."""


def main() -> int:
    """Run the command; return the exit code."""
    if sys.stdout is None:  # closed by whoever started us
        return _EXIT_FAILED
    _speak_utf8()
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


def _speak_utf8() -> None:
    """Read and write as YAML and JSON are, and as Python will, whatever the locale says."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8-sig")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")


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
    for name, line in _COMMAND_LINES.items():
        added = commands.add_parser(
            name,
            help=line.HELP,
            description=line.DESCRIPTION,
            epilog=line.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        line.add_options(added)
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
            return _run_local(local_line.read_settings(arguments, command, search_path))


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
