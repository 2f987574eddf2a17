"""Runs locust as a process of its own, since gevent patches every socket of its process."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from loadtest.child import ChildError, running
from loadtest.core.timeline import Request

Users = Literal["iris", "sleeper"]
ShapeName = Literal["ramp", "step"]

LOCUSTFILES = Path(__file__).parent / "locustfiles"


def read_requests(path: Path) -> tuple[Request, ...]:
    """Return what `locustfiles/record.py` wrote."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(Request(**json.loads(line)) for line in lines)


async def run_load(
    users: Users, shape: ShapeName, host: str, out: Path, settings: Mapping[str, str]
) -> tuple[Request, ...]:
    """Send the load to `host` and return its requests; `settings` are those of `Config.from_env`.

    Users in flight at the end may take 30 s more. Raises ChildError when locust itself fails;
    failed requests are no error here.
    """
    record, log = out / "requests.jsonl", out / "locust.log"
    files = ",".join(str(LOCUSTFILES / f"{name}.py") for name in (users, shape, "record"))
    command = [sys.executable, "-m", "locust", "-f", files, "--headless", "--only-summary"]
    command += ["--host", host, "--stop-timeout", "30", "--exit-code-on-error", "0"]
    environ = {**settings, "LOADTEST_RECORD": str(record)}
    async with running(command, log, log, environ) as locust:
        returncode = await locust.wait()
    if returncode != 0:
        raise ChildError(program="locust", returncode=returncode, log=log)
    return read_requests(record)
