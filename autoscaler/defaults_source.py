"""Where the defaults of all revisions are written: a file or a mounted ConfigMap.

A file is YAML: keys of config-autoscaler with their values, or a ConfigMap with them under `data`.
A folder has one file for each key, as a ConfigMap is mounted. Names that begin with a dot (the
mount's own) or an underscore (Knative's `_example`) are passed over.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from autoscaler.core.defaults import Defaults, parse_defaults
from servingkit.config import ConfigError, Problem

Fingerprint = tuple[tuple[str, int, int, int], ...]
"""For each file its name, and what changes when it does."""

_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultsSource:
    """Settings by their keys, from three layers of which the later one wins."""

    key: str
    """How a person wrote where it is, for messages."""

    below: Mapping[str, str] = field(default_factory=dict)
    path: Path
    above: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    """How a person wrote the keys of `above`, for messages."""

    def read(self) -> Defaults:
        """Return the defaults; raises ConfigError that names every bad key and where it stands."""
        try:
            values = read_values(self.path)
        except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
            expected = f"a YAML file or a folder with keys of config-autoscaler ({error})"
            raise ConfigError([Problem(self.key, str(self.path), expected)]) from error
        try:
            return parse_defaults({**self.below, **values, **self.above})
        except ConfigError as error:
            raise ConfigError([self._locate(problem) for problem in error.problems]) from error

    def fingerprint(self) -> Fingerprint:
        """Return what differs after a change. Files that cannot be looked at are left out.

        Links are followed: a ConfigMap's mount changes by a link to another folder.
        """
        prints = []
        for path in _files(self.path):
            try:
                seen = path.stat()
            except OSError:
                continue
            prints.append((path.name, seen.st_ino, seen.st_size, seen.st_mtime_ns))
        return tuple(prints)

    def _locate(self, problem: Problem) -> Problem:
        label = self.labels.get(problem.key, f"{self.path}: {problem.key}")
        return Problem(label, problem.value, problem.expected)


def read_values(path: Path) -> dict[str, str]:
    """Return the settings of a file or folder as texts. Raises OSError, ValueError, YAMLError."""
    if path.is_dir():
        return {file.name: _read_text(file).strip() for file in _files(path)}
    values: object = yaml.safe_load(_read_text(path))
    if isinstance(values, dict) and isinstance(values.get("data"), dict):
        values = values["data"]
    if values is None:
        return {}
    if not isinstance(values, dict):
        message = "there are no keys with values in it"
        raise ValueError(message)  # noqa: TRY004 -- the file is wrong, not a type in the program
    return {
        str(key): _as_text(str(key), value)
        for key, value in values.items()
        if not _is_passed_over(str(key))
    }


def _files(path: Path) -> Iterable[Path]:
    try:
        if not path.is_dir():
            return (path,)
        return sorted(file for file in path.iterdir() if not _is_passed_over(file.name))
    except OSError:
        return ()


def _is_passed_over(name: str) -> bool:
    return name.startswith((".", "_"))


def _read_text(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        text = file.read(_MOST_BYTES + 1)
    if len(text) > _MOST_BYTES:
        message = f"{path.name} is longer than a ConfigMap can be"
        raise ValueError(message)
    return text


def _as_text(key: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    message = f"{key} has no plain value"
    raise ValueError(message)
