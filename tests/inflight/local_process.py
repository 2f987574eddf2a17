"""`inflight local --json` as a process, and what it tells."""

import asyncio
import json
import os
import shlex
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.polling import PATIENCE_S, until

Json = dict[str, Any]


@dataclass
class LocalProcess:
    """A running `inflight local` and all lines it has written so far."""

    process: Process
    events: list[Json] = field(default_factory=list)
    errors: str = ""

    @property
    def url(self) -> str:
        return str(self.events[0]["revisions"][0]["url"])

    @property
    def api(self) -> str:
        return str(self.events[0]["api"])

    @property
    def status(self) -> Json:
        """The last tick's view of the first revision."""
        ticks = [event for event in self.events if event["event"] == "tick"]
        revisions: list[Json] = ticks[-1]["revisions"] if ticks else []
        return revisions[0] if revisions else {}

    def named(self, name: str) -> list[Json]:
        return [event for event in self.events if event["event"] == name]

    async def reaches(
        self, condition: Callable[[Json], object], within_s: float = PATIENCE_S
    ) -> None:
        await until(lambda: self.status and condition(self.status), within_s)

    async def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        async with asyncio.timeout(60):
            return await self.process.wait()

    def pids(self, program: str) -> list[int]:
        """Processes below this one whose command line has `program` in it."""
        return [
            pid for pid in descendants(self.process.pid) if program.encode() in command_line(pid)
        ]

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.events.append(json.loads(line))

    async def read_errors(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.errors += line.decode()


def command_line(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
    return b""


def descendants(root: int) -> set[int]:
    """All processes below `root`, itself left out."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {root}


def one_revision(*arguments: str, command: str) -> AbstractAsyncContextManager[LocalProcess]:
    """Run one revision named `model` until the block ends."""
    return inflight_local("--name=model", "--port=0", *arguments, "--", *shlex.split(command))


@asynccontextmanager
async def inflight_local(*arguments: str) -> AsyncIterator[LocalProcess]:
    """Run `inflight local` until the block ends; a failure in it shows what the programs logged."""
    with TemporaryDirectory(prefix="inflight-test-") as logs:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "inflight", "local", "--json", "--api-port=0",
            f"--log-dir={logs}", *arguments,
            stdout=PIPE, stderr=PIPE, limit=1 << 20,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        )  # fmt: skip
        try:
            async with until_ended(LocalProcess(process)) as local:
                yield local
        except BaseException:
            show_logs(Path(logs))
            raise


def show_logs(folder: Path) -> None:
    for log in sorted(folder.glob("*.log")):
        sys.stderr.write(f"--- {log.name}\n{log.read_text(errors='replace')}")


@asynccontextmanager
async def until_ended(local: LocalProcess) -> AsyncIterator[LocalProcess]:
    """Read what it tells; stop it when the block ends."""
    process = local.process
    async with asyncio.TaskGroup() as readers:
        readers.create_task(local.read())
        readers.create_task(local.read_errors())
        try:
            await until(lambda: local.events or process.returncode is not None)
            yield local
        finally:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            try:
                async with asyncio.timeout(60):
                    await process.wait()
            except TimeoutError:
                process.kill()
            sys.stderr.write(local.errors)
