"""Sample servers as real processes, and samples of what the control API tells."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
import requests

from loadtest.core.timeline import PodsSample, Request, Second, seconds_of
from tests.polling import PATIENCE_S
from tests.ports import free_port

Serve = Callable[..., str]
MakeSample = Callable[..., PodsSample]


def wait_until_answers(
    url: str, process: subprocess.Popen[bytes], within_s: float = PATIENCE_S
) -> None:
    deadline = time.monotonic() + within_s
    while True:
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        assert time.monotonic() < deadline, f"{url} did not answer within {within_s} s"
        try:
            requests.get(url, timeout=60).raise_for_status()
        except requests.ConnectionError:
            time.sleep(0.02)
        else:
            return


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start `python -m MODULE ARGUMENTS…` on a free port; return its address once it answers."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(module: str, *arguments: str, ready_path: str = "/") -> str:
        port = free_port()
        command = [sys.executable, "-m", module, *arguments]
        process = subprocess.Popen(command, env={**os.environ, "PORT": str(port)})
        processes.append(process)
        url = f"http://127.0.0.1:{port}"
        wait_until_answers(url + ready_path, process)
        return url

    yield start
    for process in processes:
        process.terminate()
    for process in processes:
        assert process.wait(timeout=60) == 0


@pytest.fixture
def sample() -> MakeSample:
    """Make a sample at some second; pods are those that are ready unless said otherwise."""

    def make(
        at: float, ready: int = 0, *, desired: int | None = 0, starting: int = 0, leaving: int = 0
    ) -> PodsSample:
        return PodsSample(
            at=at,
            target_in_flight=7.0,
            concurrency=3.5,
            desired_pods=desired,
            ready_pods=ready,
            starting_pods=starting,
            terminating_pods=leaving,
            panicking=False,
            reason=f"{desired} pods: a reason",
        )

    return make


@pytest.fixture
def seconds(sample: MakeSample) -> tuple[Second, ...]:
    """Four seconds: a request held for two of them, one that failed, then a silent API."""
    return seconds_of(
        [Request(100.0, 102.0), Request(102.0, 102.25, "status 503")],
        [sample(100.5, desired=None), sample(101.5, ready=1, desired=2)],
        began_at=100.0,
        ended_at=104.0,
    )
