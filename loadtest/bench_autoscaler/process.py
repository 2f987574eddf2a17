"""A measured program as the benchmark holds it."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from loadtest.bench.core.bench_error import BenchError
from servingkit.open_files import raise_limit

_READY_WITHIN_S: Final = 60.0
_STOP_WITHIN_S: Final = 20.0
_LONGEST_LINE_BYTES: Final = 16 * 1024 * 1024
_PACKAGE: Final = "loadtest.bench_autoscaler.subjects"

Answer = Mapping[str, Any]


class SubjectError(BenchError):
    """A measured program ended, or said nothing, when it should have answered."""


class Subject:
    """A running program that answers questions."""

    def __init__(self, name: str, process: Process) -> None:
        self._name = name
        self._process = process

    def __repr__(self) -> str:
        return f"<Subject {self._name}, process {self._process.pid}>"

    async def ask(self) -> Answer:
        """Return what it has counted until now. Raises SubjectError."""
        assert self._process.stdin is not None  # noqa: S101 -- started with a pipe
        self._process.stdin.write(b"\n")
        return await self.read()

    async def read(self) -> Answer:
        """Return its next line. Raises SubjectError."""
        assert self._process.stdout is not None  # noqa: S101 -- started with a pipe
        try:
            async with asyncio.timeout(_READY_WITHIN_S):
                line = await self._process.stdout.readline()
        except TimeoutError:
            message = f"{self._name} said nothing for {_READY_WITHIN_S:g} s"
            raise SubjectError(message) from None
        if not line:
            message = f"{self._name} ended with {await self._process.wait()}"
            raise SubjectError(message)
        answer: Answer = json.loads(line)
        return answer

    async def stop(self) -> None:
        """Let it end; kill it when it does not."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_WITHIN_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def running(
    module: str, *arguments: str, cores: Collection[int]
) -> AsyncIterator[tuple[Subject, Answer]]:
    """Run a subject on `cores`; yield it and what it said when it was ready."""

    def prepare() -> None:
        os.sched_setaffinity(0, cores)
        raise_limit()

    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"{_PACKAGE}.{module}",
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        limit=_LONGEST_LINE_BYTES,
        preexec_fn=prepare,
    )
    subject = Subject(" ".join((module, *arguments)), process)
    try:
        yield subject, await subject.read()
    finally:
        await subject.stop()
