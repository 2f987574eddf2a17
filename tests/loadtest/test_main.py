"""The command as people type it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

BRIEF = {
    "LOADTEST_PEAK_USERS": "2",
    "LOADTEST_UP_S": "0",
    "LOADTEST_HOLD_S": "2",
    "LOADTEST_DOWN_S": "0",
}


def start(*arguments: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "loadtest", *arguments],
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def processes_that_mention(word: str) -> list[str]:
    """Return the command lines of live processes with `word` in them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if word in command:
            found.append(command)
    return found


def test_run_loads_what_runs_already_and_leaves_a_report(
    serve: Callable[..., str], tmp_path: Path
) -> None:
    url = serve("loadtest.sleeper")
    returncode, out, err = finish(
        start("run", "sleeper", "--host", url, "--out", f"{tmp_path}", **BRIEF)
    )
    assert returncode == 0, err
    assert " requests, 0 failed; p50 " in out
    assert (tmp_path / "run.csv").exists()
    assert (tmp_path / "run.png").exists()


def test_run_in_which_requests_failed_exits_with_1_and_has_a_report(tmp_path: Path) -> None:
    returncode, out, err = finish(
        start("run", "iris", "--host", "http://127.0.0.1:1", "--out", f"{tmp_path}", **BRIEF)
    )
    assert returncode == 1, err
    assert " failed" in out
    assert (tmp_path / "run.png").exists()


def test_run_says_when_the_control_api_told_nothing(
    serve: Callable[..., str], tmp_path: Path
) -> None:
    url = serve("loadtest.sleeper")
    api = "http://127.0.0.1:1"
    returncode, out, _ = finish(
        start("run", "sleeper", "--host", url, "--api", api, "--out", f"{tmp_path}", **BRIEF)
    )
    assert returncode == 0
    assert f"the report has no pods: {api} told nothing of default/sleeper" in out


def test_bad_load_is_named_and_exits_with_78(tmp_path: Path) -> None:
    returncode, _, err = finish(
        start("run", "iris", "--host", "x", "--out", f"{tmp_path}", LOADTEST_PEAK_USERS="many")
    )
    assert returncode == 78
    assert err == "LOADTEST_PEAK_USERS: 'many'; expected a whole number from 1 to 2147483647\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_stops_locust_too(
    serve: Callable[..., str], tmp_path: Path, number: signal.Signals
) -> None:
    url = serve("loadtest.sleeper")
    process = start("run", "sleeper", "--host", url, "--out", f"{tmp_path}")
    deadline = time.monotonic() + 60
    while not (tmp_path / "requests.jsonl").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    returncode, _, err = finish(process)
    assert (returncode, err.splitlines()[-1]) == (130, "stopped")
    assert processes_that_mention(url) == []
