"""A program started in a session of its own, its output in a file."""

import asyncio
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from inflight.local.guard_link import GuardLink

_TAIL_BYTES = 64 * 1024
_MOST_LINE_BYTES = 16 * 1024 * 1024
"""Of what a linked program writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to start, and how."""

    command: Sequence[str]
    environment: Mapping[str, str]
    directory: Path | None
    """Where to start it. None: where this process runs."""
    log_path: Path
    """Standard output and standard error are added to this file."""


class ChildProcess:
    """A running program, together with all that it started and left in its process group.

    As with a container, the first process is the one that counts: signals to end go to it, and when
    it has ended the rest of its group is killed.
    """

    def __init__(self, process: Process, program: Program, guard: GuardLink) -> None:
        self._process = process
        self._program = program
        self._guard = guard
        self._gone = False

    def __repr__(self) -> str:
        return f"<ChildProcess {self._process.pid}: {' '.join(self._program.command)}>"

    @classmethod
    async def start(cls, program: Program, guard: GuardLink, *, linked: bool = False) -> Self:
        """Start a program; `guard` ends it should this process die. Raises OSError.

        Args:
            program: what to start.
            guard: told of the process.
            linked: whether its standard input and output are pipes to us (`input`, `output`).
        """
        with program.log_path.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *program.command,
                stdin=asyncio.subprocess.PIPE if linked else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if linked else log,
                stderr=log,
                limit=_MOST_LINE_BYTES,
                cwd=program.directory,
                env={**program.environment, **guard.environment},
                start_new_session=True,
            )
        guard.watch(process.pid)
        return cls(process, program, guard)

    @property
    def pid(self) -> int:
        """Process id, and the id of its process group."""
        return self._process.pid

    @property
    def input(self) -> asyncio.StreamWriter:
        """What the program reads; for linked ones only."""
        assert self._process.stdin is not None  # noqa: S101 -- it was opened as a pipe
        return self._process.stdin

    @property
    def output(self) -> asyncio.StreamReader:
        """What the program writes; for linked ones only."""
        assert self._process.stdout is not None  # noqa: S101 -- it was opened as a pipe
        return self._process.stdout

    async def ended(self) -> int:
        """Wait until the program has ended; return its exit code, negative for a signal."""
        exit_code = await self._process.wait()
        self.kill()
        return exit_code

    def terminate(self) -> None:
        """Ask the program to end."""
        with suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        """End the program and all of its group at once."""
        if self._gone:  # the number may belong to another group by now
            return
        self._gone = True
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._guard.forget(self.pid)

    def last_lines(self, count: int) -> tuple[str, ...]:
        """Return the last lines that the program wrote, at most `count`."""
        with self._program.log_path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - _TAIL_BYTES))
            text = log.read().decode(errors="replace")
        return tuple(text.splitlines()[-count:])


def describe_exit(exit_code: int) -> str:
    """Return an exit code in words; a negative one is the signal that ended the program."""
    if exit_code >= 0:
        return f"exit code {exit_code}"
    return f"signal {-exit_code} ({signal.strsignal(-exit_code)})"
