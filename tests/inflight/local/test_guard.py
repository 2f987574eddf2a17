"""The guard with real processes: a parent is killed, and nothing that it started may be left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inflight.local.guard import remaining_groups
from tests.polling import is_running

PARENT = """
import asyncio, os, sys
from pathlib import Path
from inflight.local.child_process import ChildProcess, Program
from inflight.local.guard_link import GuardLink

async def main():
    guard = GuardLink()
    for command in sys.argv[2:]:
        program = Program(command=("sh", "-c", command), environment=dict(os.environ),
                          directory=None, log_path=Path(sys.argv[1]))
        await ChildProcess.start(program, guard)
    print(guard, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_groups_that_were_not_taken_back_remain() -> None:
    assert remaining_groups(["+10\n", "+20\n", "-10\n", "+30\n"]) == {20, 30}


class Family:
    """A parent with children; each child writes the ids of all its processes to the log."""

    def __init__(self, log: Path, *commands: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PARENT, str(log), *commands],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.process.stdout.readline()
        self._log = log

    def pids(self, count: int) -> list[int]:
        deadline = time.monotonic() + 60
        while len(found := self._log.read_text().split()) < count:
            assert time.monotonic() < deadline, found
            time.sleep(0.01)
        return [int(pid) for pid in found]

    def close(self) -> None:
        with self.process:
            self.process.kill()


@pytest.fixture
def families() -> Iterator[list[Family]]:
    made: list[Family] = []
    yield made
    for family in made:
        family.close()


def until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 60
    while left := [pid for pid in pids if is_running(pid)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.01)


@pytest.mark.integration
def test_killed_parent_leaves_no_process_behind(tmp_path: Path, families: list[Family]) -> None:
    family = Family(
        tmp_path / "log",
        "echo $$; sleep 60 & echo $!; wait",  # a grandchild in the same group
        "trap '' TERM; echo $$; while :; do sleep 0.1; done",  # must be killed
        "setsid sh -c 'echo $$; sleep 60' & wait",  # a grandchild that left the group
    )
    families.append(family)
    pids = family.pids(4)
    assert all(is_running(pid) for pid in pids)
    family.process.send_signal(signal.SIGKILL)
    until_gone(pids)


@pytest.mark.integration
def test_guard_survives_signals_to_the_group_of_its_parent(
    tmp_path: Path, families: list[Family]
) -> None:
    family = Family(tmp_path / "log", "trap '' INT; echo $$; while :; do sleep 0.1; done")
    families.append(family)
    pids = family.pids(1)
    os.killpg(family.process.pid, signal.SIGINT)
    until_gone(pids)
