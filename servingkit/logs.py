"""Logging as one JSON object a line.

The message is a fixed lower-case event; facts go in `extra`. INFO: state changed. WARNING:
degraded but serving. ERROR: a person must act.
"""

import datetime as dt
import json
import logging
import sys
from typing import TextIO

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Renders a record with its `extra` facts; a traceback becomes the key `error`."""

    def __init__(self, program: str) -> None:
        super().__init__()
        self._program = program

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of JSON; facts that JSON does not know are shown by their text."""
        at = dt.datetime.fromtimestamp(record.created, tz=dt.UTC)
        line: dict[str, object] = {
            "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "program": self._program,
            "event": record.getMessage(),
        }
        line.update((key, value) for key, value in vars(record).items() if key not in _STANDARD)
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(program: str, level: str = "info", stream: TextIO | None = None) -> None:
    """Send the root logger's records of at least `level` to `stream` (standard error)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(program))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
