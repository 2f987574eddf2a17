import asyncio
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from loadtest import child
from loadtest.child import ChildError, running

pytestmark = pytest.mark.integration

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""


async def first_words(read: Callable[[], str]) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if words := read():
            return words
        await asyncio.sleep(0.01)
    pytest.fail("the child said nothing")


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.mark.asyncio
async def test_child_ends_with_the_block_and_leaves_its_output(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = "import os, time; print(os.environ['GREETING'], flush=True); time.sleep(60)"
    async with running(python(code), log, log, {"GREETING": "hello"}) as process:
        assert await first_words(log.read_text) == "hello\n"
    assert process.returncode == -signal.SIGTERM


@pytest.mark.asyncio
async def test_child_ends_when_the_block_is_left_by_an_error(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(asyncio.CancelledError):
        async with running(python("import time; time.sleep(60)"), log, log, {}) as process:
            raise asyncio.CancelledError
    assert process.returncode == -signal.SIGTERM


@pytest.mark.asyncio
async def test_child_that_ignores_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "STOP_WITHIN_S", 0.2)
    log = tmp_path / "log"
    async with running(python(STUBBORN), log, log, {}) as process:
        await first_words(log.read_text)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.asyncio
async def test_ctrl_c_in_the_terminal_does_not_reach_a_child(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = "import os; print(os.getpgid(0) == os.getpid())"
    async with running(python(code), log, log, {}) as process:
        await process.wait()
    assert log.read_text() == "True\n"


def test_error_shows_the_last_words_of_a_child(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    shown = str(ChildError(program="locust", returncode=3, log=log)).splitlines()
    assert shown[0] == f"locust ended with 3; see {log}"
    assert shown[1:] == [f"line {number}" for number in range(80, 100)]


def test_error_of_a_child_that_never_started_says_so(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("")
    error = ChildError(program="inflight local", returncode=None, log=log)
    assert str(error) == f"inflight local did not start in time; see {log}"
