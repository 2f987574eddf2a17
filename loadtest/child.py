"""Processes that a scenario starts, and stops whatever happens.

Each is the leader of a session of its own: Ctrl-C in the terminal reaches only us, and we end the
children in order.
"""

import asyncio
import os
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

STOP_WITHIN_S = 30.0
"""So long a child may take to end after SIGTERM; then it is killed."""

SHOWN_LINES = 20
"""Of the output of a child that failed, so many last lines are shown."""


class ChildError(Exception):
    """A process ended that should not have, or not so. Shows its last words."""

    def __init__(self, program: str, returncode: int | None, log: Path) -> None:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        ended = "did not start in time" if returncode is None else f"ended with {returncode}"
        self.program = program
        self.returncode = returncode
        super().__init__("\n".join([f"{program} {ended}; see {log}", *lines[-SHOWN_LINES:]]))


@asynccontextmanager
async def running(
    command: Sequence[str], stdout: Path, stderr: Path, environ: Mapping[str, str]
) -> AsyncIterator[Process]:
    """Run a command with `environ` added to our environment; stop it at the end of the block.

    Its output replaces what was in the two files, which may be the same.
    """
    for path in (stdout, stderr):
        path.write_bytes(b"")
    with stdout.open("ab") as out, stderr.open("ab") as err:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env={**os.environ, **environ},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        await _stop(process)


async def _stop(process: Process) -> None:
    """SIGTERM, wait, SIGKILL."""
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await process.wait()
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
