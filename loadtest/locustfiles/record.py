"""Writes one JSON line for each request that ended, into the file LOADTEST_RECORD.

Times are on the machine's monotonic clock, so that they can be laid beside what other processes
saw. For one locust process; workers of a distributed run would write over each other.
`loadtest.load` reads it.
"""

import json
import os
from contextlib import ExitStack
from pathlib import Path

from locust import events

from loadtest.config import Config
from servingkit.clock import monotonic


def record(path: Path) -> None:
    """Write requests to `path` from now until locust quits."""
    opened = ExitStack()
    # Line-buffered, so that a locust that is killed leaves whole lines.
    file = opened.enter_context(path.open("w", buffering=1, encoding="utf-8"))

    def write(response_time: float, exception: Exception | None, **_: object) -> None:
        ended_at = monotonic()
        request = {
            "began_at": ended_at - response_time / 1000,
            "ended_at": ended_at,
            "failure": "" if exception is None else str(exception) or repr(exception),
        }
        file.write(json.dumps(request) + "\n")

    def close(**_: object) -> None:
        opened.close()

    events.request.add_listener(write)  # type: ignore[no-untyped-call]  # locust's
    events.quit.add_listener(close)  # type: ignore[no-untyped-call]  # locust's


RECORD = Config.from_env(os.environ).record
if RECORD:
    record(Path(RECORD))
