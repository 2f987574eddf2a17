"""The scenario with real programs, as `make demo` and CI run it."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loadtest.demo import ask

pytestmark = pytest.mark.integration


def start_demo(out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "loadtest", "demo", "--quick", "--out", f"{out}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def processes_of(run: str) -> list[int]:
    """Return the live processes that inherited `run` as the variable DEMO_RUN."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            variables = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if f"DEMO_RUN={run}".encode() in variables:
            found.append(int(path.parent.name))
    return [pid for pid in found if pid != os.getpid()]


@pytest.fixture
def run_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name a run in the environment of all that it starts."""
    monkeypatch.setenv("DEMO_RUN", f"{tmp_path}")
    return f"{tmp_path}"


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_iris_goes_from_zero_out_and_back_without_a_failed_request(
    tmp_path: Path, run_name: str
) -> None:
    demo = start_demo(tmp_path)
    told, _ = demo.communicate(timeout=150)
    assert demo.returncode == 0, told
    assert "the first request was answered after" in told
    assert "of which the pod took" in told
    assert "OK: 0, " in told
    with (tmp_path / "run.csv").open(newline="") as file:
        told_pods = [line["ready_pods"] for line in csv.DictReader(file)]
    ready = [int(pods) for pods in told_pods if pods]
    assert (ready[0], max(ready) >= 2, ready[-1]) == (0, True, 0)
    assert (tmp_path / "run.png").stat().st_size > 0
    assert processes_of(run_name) == []


@pytest.mark.slow
def test_ctrl_c_stops_everything_that_the_demo_started(tmp_path: Path, run_name: str) -> None:
    demo = start_demo(tmp_path)
    requests = tmp_path / "requests.jsonl"
    deadline = time.monotonic() + 60
    while not (requests.exists() and requests.stat().st_size):
        assert time.monotonic() < deadline
        assert demo.poll() is None
        time.sleep(0.1)
    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=45)
    assert demo.returncode == 130
    assert processes_of(run_name) == []


@pytest.mark.asyncio
async def test_question_to_nobody_is_a_request_that_failed() -> None:
    request = await ask("http://127.0.0.1:1")
    assert "127.0.0.1" in request.failure
