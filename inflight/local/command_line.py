"""The options of `inflight local`, and how they become settings."""

import argparse
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from inflight.local.revision_file import read_revision_file
from inflight.local.revision_reader import RevisionReader
from inflight.local.route_file import read_route_files
from inflight.local.settings import DEFAULT_API_PORT, LocalSettings
from inflight.scaling.fields import Fields
from inflight.scaling.options import (
    ANNOTATION,
    CONFIG,
    CONTAINER_CONCURRENCY,
    GRACE_PERIOD,
    SCALING,
    GivenOptions,
    OptionTable,
    add_group,
    add_repeated_group,
    label,
)
from servingkit.config import ConfigError, Problem
from servingkit.core.duration import parse_duration

HELP = "run the whole loop on this machine, without a cluster"

DESCRIPTION = """\
Run the whole autoscaling loop on this machine, without a cluster.

A revision is a command that starts a model server on $PORT. Inflight starts as many
pods of it (model and sidecar, as processes) as the requests in flight ask for, down
to none, and holds requests while there is none.
"""

EPILOG = """\
examples:
  # a server that sleeps, at most 10 requests at once in each pod
  inflight local --name sleeper --target 10 --container-concurrency 10 -- \\
      python -m loadtest.sleeper

  curl 'http://127.0.0.1:8000/?sleep=100'     # its public port
  curl http://127.0.0.1:8081/v1/revisions     # what the autoscaler sees, and why it decides so

  # several revisions; docs/local.md has the keys of the file
  inflight local revisions.yaml

exit codes: 0 stopped by Ctrl-C or SIGTERM, 78 settings that cannot be used, 2 wrong usage
"""

_REVISION_OPTIONS: OptionTable = {
    "name": ("NAME", "name of the revision"),
    "namespace": ("NAME", "its namespace (default)"),
    **CONTAINER_CONCURRENCY,
    "timeout": ("SECONDS", "longest time of a request, held time included (300)"),
    "port": ("PORT", "public port on 127.0.0.1; 0: a free one (8000)"),
}
_REPEATED_OPTIONS: OptionTable = {
    "host": ("NAME", "a host name by which requests find the revision"),
    **ANNOTATION,
}
_GLOBAL_OPTIONS: OptionTable = {
    **CONFIG,
    **GRACE_PERIOD,
    "activators": ("N", "how many; more than one are processes of their own (1)"),
    "api-port": ("PORT", f"port of the control API; 0: a free one ({DEFAULT_API_PORT})"),
    "endpoint-lag": ("TIME", "how long public ports lag behind the pods (0s)"),
    "log-dir": ("DIR", "where the output of all processes goes (a temporary folder)"),
}
_GROUPS = {
    "one revision, instead of a FILE; its command follows --": _REVISION_OPTIONS,
    "its scaling, by the names of its annotations": SCALING,
    "all revisions": _GLOBAL_OPTIONS,
}
_NUMBERS = ("container-concurrency", "timeout", "port", "api-port", "activators")
_MOST_ACTIVATORS = 100


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `inflight local`. What stands after `--` is not argparse's business."""
    parser.usage = "inflight local --name NAME [OPTION…] -- COMMAND…\n       inflight local FILE…"
    parser.add_argument(
        "files", metavar="FILE", nargs="*", type=Path, help="a file with revisions, in YAML"
    )
    parser.add_argument("--json", action="store_true", help="print JSON lines, for machines")
    for title, options in _GROUPS.items():
        add_group(parser, title, options)
    add_repeated_group(parser, "one revision, may be given several times", _REPEATED_OPTIONS)


def read_settings(
    arguments: argparse.Namespace, command: Sequence[str], search_path: str | None
) -> LocalSettings:
    """Return the settings; raises ConfigError that names every bad option and key.

    Args:
        arguments: what argparse made of the options.
        command: what stood after `--`.
        search_path: the variable PATH.
    """
    line = _CommandLine(arguments, command)
    source = line.defaults_source()
    defaults = line.defaults(source)
    reader = RevisionReader(defaults, line.problems, search_path)
    if arguments.files:
        line.refuse_revision_options()
        for path in arguments.files:
            read_revision_file(path, reader)
        if not reader.revisions and not line.problems:
            line.problems.append(Problem("FILE", None, "at least one revision in all files"))
    else:
        reader.read(line.revision_fields(), Path())
    known = {revision.id for revision in reader.revisions}
    route_files = read_route_files(arguments.files, known, line.problems)
    settings = LocalSettings(
        revisions=reader.revisions,
        files=tuple(arguments.files),
        routes=route_files.routes,
        gateway_port=route_files.gateway_port,
        activators=line.activators(),
        api_port=line.api_port(),
        endpoint_lag_s=line.endpoint_lag_s(),
        log_directory=line.log_directory(),
        defaults=defaults,
        defaults_source=source,
        json=arguments.json,
    )
    if line.problems:
        # Once each: a file that cannot be read is bad for its revisions and for its routes.
        raise ConfigError(tuple(dict.fromkeys(line.problems)))
    return settings


class _CommandLine(GivenOptions):
    """What a person typed."""

    def __init__(self, arguments: argparse.Namespace, command: Sequence[str]) -> None:
        super().__init__(arguments, chain.from_iterable(_GROUPS.values()), _NUMBERS)
        self._command = command
        self._hosts: list[str] = arguments.host

    def revision_fields(self) -> Fields:
        """Return what a revision file would have said."""
        values = self.scaling_fields()
        values |= self.pick(("name", "namespace", "port"))
        for _, timeout in self.pick(("timeout",)):
            values["timeoutSeconds"] = timeout
        values["hosts"] = self._hosts
        values["command"] = self._command
        return Fields(values, self.problems, _label)

    def refuse_revision_options(self) -> None:
        """Note every option that belongs into the file which was given."""
        expected = "to be in the FILE, if one is given"
        self.refuse(_REVISION_OPTIONS.keys() - CONTAINER_CONCURRENCY.keys(), expected)
        self.refuse_scaling(expected)
        found = [("--host", host) for host in self._hosts]
        found += [("COMMAND", " ".join(self._command))] if self._command else []
        self.problems += (Problem(key, value, expected) for key, value in found)

    def activators(self) -> int:
        """Return how many activators there are to be."""
        fields = Fields(dict(self.pick(("activators",))), self.problems, "--{}".format)
        return fields.whole("activators", 1, least=1, most=_MOST_ACTIVATORS)

    def api_port(self) -> int:
        """Return the port of the control API."""
        fields = Fields(dict(self.pick(("api-port",))), self.problems, "--{}".format)
        return fields.whole("api-port", DEFAULT_API_PORT, most=65_535)

    def endpoint_lag_s(self) -> float:
        """Return how long public endpoints lag, seconds."""
        text = str(dict(self.pick(("endpoint-lag",))).get("endpoint-lag", "0s"))
        seconds = parse_duration(text)
        if seconds is None:
            expected = "a duration such as 500ms or 2s"
            self.problems.append(Problem("--endpoint-lag", text, expected))
            return 0.0
        return seconds

    def log_directory(self) -> Path | None:
        """Return the folder for the output of all processes, if one was named."""
        for _, text in self.pick(("log-dir",)):
            return Path(str(text))
        return None


def _label(path: str) -> str:
    """Return the option for the path of a key in a revision file."""
    names = {"timeoutSeconds": "--timeout", "command": "COMMAND"}
    return names.get(path) or label(path)
