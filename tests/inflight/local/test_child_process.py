import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from inflight.local.child_process import ChildProcess, Program, describe_exit
from inflight.local.guard_link import GuardLink
from tests.polling import is_running, until

pytestmark = pytest.mark.integration


@pytest.fixture
def guard() -> Iterator[GuardLink]:
    link = GuardLink()
    yield link
    link.close()


def program(folder: Path, *command: str) -> Program:
    return Program(
        command=command,
        environment=dict(os.environ),
        directory=None,
        log_path=folder / "out.log",
    )


@pytest.mark.asyncio
async def test_exit_code_and_last_lines_are_known(tmp_path: Path, guard: GuardLink) -> None:
    script = "for i in 1 2 3; do echo line $i; done; echo oops >&2; exit 3"
    child = await ChildProcess.start(program(tmp_path, "sh", "-c", script), guard)
    assert await child.ended() == 3
    assert child.last_lines(2) == ("line 3", "oops")


@pytest.mark.asyncio
async def test_terminate_lets_the_program_end_in_order(tmp_path: Path, guard: GuardLink) -> None:
    script = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    child = await ChildProcess.start(program(tmp_path, "sh", "-c", script), guard)
    await until(lambda: child.last_lines(1))
    child.terminate()
    assert await child.ended() == 0
    assert child.last_lines(1) == ("bye",)


@pytest.mark.asyncio
async def test_kill_ends_the_whole_group(tmp_path: Path, guard: GuardLink) -> None:
    script = "sleep 60 & echo $!; wait"
    child = await ChildProcess.start(program(tmp_path, "sh", "-c", script), guard)
    await until(lambda: child.last_lines(1))
    grandchild = int(child.last_lines(1)[0])
    child.kill()
    assert await child.ended() == -signal.SIGKILL
    await until(lambda: not is_running(grandchild))


@pytest.mark.asyncio
async def test_rest_of_the_group_ends_with_its_first_process(
    tmp_path: Path, guard: GuardLink
) -> None:
    child = await ChildProcess.start(program(tmp_path, "sh", "-c", "sleep 60 & echo $!"), guard)
    assert await child.ended() == 0
    grandchild = int(child.last_lines(1)[0])
    await until(lambda: not is_running(grandchild))


@pytest.mark.asyncio
async def test_child_is_in_a_session_of_its_own(tmp_path: Path, guard: GuardLink) -> None:
    script = "import os; print(os.getsid(0) == os.getpid())"
    child = await ChildProcess.start(program(tmp_path, sys.executable, "-c", script), guard)
    await child.ended()
    assert child.last_lines(1) == ("True",)


@pytest.mark.asyncio
async def test_program_that_does_not_exist_is_an_os_error(tmp_path: Path, guard: GuardLink) -> None:
    with pytest.raises(FileNotFoundError):
        await ChildProcess.start(program(tmp_path, "no-such-program"), guard)


@pytest.mark.parametrize(
    ("exit_code", "words"), [(0, "exit code 0"), (2, "exit code 2"), (-9, "signal 9 (Killed)")]
)
def test_exit_in_words(exit_code: int, words: str) -> None:
    assert describe_exit(exit_code) == words
