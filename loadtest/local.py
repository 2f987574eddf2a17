"""Runs `inflight local` as a process, as a person would type it."""

import asyncio
import json
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtest.child import ChildError, running

START_WITHIN_S = 20.0
EVENTS, LOG = "inflight.jsonl", "inflight.log"
READY = "pod ready"
"""The event whose `after_s` tells how long a pod took to start."""


@dataclass(frozen=True, slots=True)
class LocalRevision:
    """The one revision of an `inflight local` that has started."""

    url: str
    """Its public address."""

    api: str
    """The control API's."""

    revision: str
    """NAMESPACE/NAME."""

    process: Process
    out: Path

    async def must_run(self) -> None:
        """Wait until the process ends, which raises ChildError; cancel this before stopping it."""
        returncode = await self.process.wait()
        raise _error(returncode, self.out)


def first_pod_start_s(out: Path) -> float | None:
    """Return how long the first pod took to be ready, in seconds; None: none was yet."""
    lines = (out / EVENTS).read_text(encoding="utf-8").splitlines(keepends=True)
    events = (json.loads(line) for line in lines if line.endswith("\n"))
    return next((event.get("after_s") for event in events if event["event"] == READY), None)


def _error(returncode: int | None, out: Path) -> ChildError:
    return ChildError(program="inflight local", returncode=returncode, log=out / LOG)


@asynccontextmanager
async def inflight_local(arguments: Sequence[str], out: Path) -> AsyncIterator[LocalRevision]:
    """Run `inflight local` with one revision; its events and its log go to `out`.

    Raises ChildError when it does not start.
    """
    command = [sys.executable, "-m", "inflight", "local", "--json", *arguments]
    async with running(command, out / EVENTS, out / LOG, {}) as process:
        started = json.loads(await _first_line(process, out))
        (revision,) = started["revisions"]
        yield LocalRevision(
            url=revision["url"],
            api=started["api"],
            revision=f"{revision['namespace']}/{revision['name']}",
            process=process,
            out=out,
        )


async def _first_line(process: Process, out: Path) -> str:
    try:
        async with asyncio.timeout(START_WITHIN_S):
            while process.returncode is None:
                line, newline, _ = (out / EVENTS).read_text(encoding="utf-8").partition("\n")
                if newline:
                    return line
                await asyncio.sleep(0.05)
    except TimeoutError:
        pass
    raise _error(process.returncode, out)
