"""Reads decision traces from JSON."""

from pathlib import Path

import msgspec

from inflight.replay.core.trace import Trace
from servingkit.config import ConfigError, Problem


def read_traces(path: Path) -> tuple[Trace, ...]:
    """Return the traces of a file; raises ConfigError that says what is wrong and where."""
    try:
        traces = msgspec.json.decode(path.read_bytes(), type=tuple[Trace, ...])
    except OSError as error:
        raise _refused(path, f"a file that can be read ({error})") from error
    except msgspec.DecodeError as error:
        raise _refused(path, f"decision traces in JSON ({error})") from error
    if not traces:
        raise _refused(path, "at least one trace")
    return traces


def _refused(path: Path, expected: str) -> ConfigError:
    return ConfigError([Problem("FILE", str(path), expected)])
