"""Reads one revision's settings, from a file or the command line, and checks every one of them."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from autoscaler.core.defaults import Defaults
from inflight.local.names import read_hosts, read_name
from inflight.local.settings import DEFAULT_PORT, DEFAULT_TIMEOUT_S, RevisionSettings
from inflight.scaling.annotations import read_annotations
from inflight.scaling.fields import Fields
from queueproxy.core.readiness_probe import parse_readiness_probes
from servingkit.config import ConfigError, Problem
from servingkit.core.revision import RevisionId

_KEYS = (
    "name",
    "namespace",
    "command",
    "containerConcurrency",
    "timeoutSeconds",
    "port",
    "hosts",
    "env",
    "workingDir",
    "readinessProbe",
    "scaling",
    "annotations",
)
_PROBE_KEYS = (
    "httpGet",
    "tcpSocket",
    "grpc",
    "periodSeconds",
    "timeoutSeconds",
    "successThreshold",
)
_PROBE_ACTIONS = {
    "httpGet": ("path", "port", "httpHeaders"),
    "tcpSocket": ("port",),
    "grpc": ("port", "service"),
}
_MOST_TIMEOUT_S = 86_400
_MOST_PORT = 65_535
_ANY_PORT = 1


class RevisionReader:
    """Reads revisions one after the other.

    Args:
        defaults: the autoscaler's defaults, which the scaling settings are checked against.
        problems: gathers what is wrong with any of them.
        search_path: where programs are looked for, as in the variable PATH.
    """

    def __init__(
        self, defaults: Defaults, problems: list[Problem], search_path: str | None
    ) -> None:
        self.problems = problems
        self.revisions: tuple[RevisionSettings, ...] = ()
        self._defaults = defaults
        self._search_path = search_path

    def __repr__(self) -> str:
        return f"<RevisionReader {len(self.revisions)} read, {len(self.problems)} problems>"

    def read(self, fields: Fields, directory: Path) -> None:
        """Read one revision; its `workingDir` is relative to `directory`."""
        fields.only(_KEYS)
        working_directory = self._working_directory(fields, directory)
        revision = RevisionSettings(
            id=RevisionId(read_name(fields, "namespace", "default"), read_name(fields, "name")),
            command=self._command(fields, working_directory),
            command_key=fields.label("command"),
            port=fields.whole("port", DEFAULT_PORT + len(self.revisions), most=_MOST_PORT),
            port_key=fields.label("port"),
            container_concurrency=fields.whole("containerConcurrency", 0),
            timeout_s=fields.whole(
                "timeoutSeconds", DEFAULT_TIMEOUT_S, least=1, most=_MOST_TIMEOUT_S
            ),
            hosts=read_hosts(fields),
            environment=_environment(fields.inner("env")),
            directory=working_directory,
            readiness_probe=self._readiness_probe(fields),
            annotations=read_annotations(fields, self._defaults, self.problems),
        )
        self._check_against_others(fields, revision)
        self.revisions += (revision,)

    def _working_directory(self, fields: Fields, directory: Path) -> Path | None:
        if "workingDir" not in fields:
            return None
        working_directory = directory / fields.text("workingDir", "")
        if not working_directory.is_dir():
            fields.reject("workingDir", "a folder that exists")
        return working_directory

    def _command(self, fields: Fields, directory: Path | None) -> tuple[str, ...]:
        command = fields.texts("command")
        if not command:
            fields.reject("command", "a command that starts a model server on $PORT")
            return ()
        program = command[0]
        if os.sep in program:
            # A path is relative to where the command is started, a bare name is looked up.
            program = str((directory or Path()).absolute() / program)
        if shutil.which(program, path=self._search_path) is None:
            self.problems.append(
                Problem(
                    fields.label("command"), command[0], "a program that exists and can be executed"
                )
            )
        return command

    def _readiness_probe(self, fields: Fields) -> Mapping[str, object] | None:
        if "readinessProbe" not in fields:
            return None
        probe = fields.inner("readinessProbe")
        probe.only(_PROBE_KEYS)
        actions = [action for action in _PROBE_ACTIONS if action in probe]
        if len(actions) != 1:
            fields.reject("readinessProbe", f"one of {', '.join(_PROBE_ACTIONS)}")
        for action in actions:
            probe.inner(action).only(_PROBE_ACTIONS[action])
        text = json.dumps(probe.as_json(), default=str)
        try:
            parse_readiness_probes(text, _ANY_PORT, fields.label("readinessProbe"))
        except ConfigError as error:
            self.problems += error.problems
        return probe.as_json()

    def _check_against_others(self, fields: Fields, revision: RevisionSettings) -> None:
        for other in self.revisions:
            if revision.id == other.id:
                fields.reject("name", "a name that no other revision has")
            if revision.port == other.port != 0:
                fields.reject("port", f"a port of its own; {other.id} has it")
            shared = set(revision.hosts) & set(other.hosts)
            if shared:
                expected = f"hosts of its own; {other.id} has {', '.join(sorted(shared))}"
                fields.reject("hosts", expected)


def _environment(fields: Fields) -> dict[str, str]:
    environment = fields.text_by_name()
    for name, value in environment.items():
        if not name or "=" in name or "\0" in name + value:
            fields.reject(name, "a name that is not empty and has no =, and no NUL anywhere")
    return environment
