"""Real processes for tests: a model that sleeps, and a sidecar before it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

REPOSITORY = Path(__file__).parents[2]
DEADLINE_S = 20.0


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Poll until `condition` holds; fail with `what` after the deadline."""
    give_up_at = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < give_up_at, f"not within {deadline_s:g} s: {what}"
        time.sleep(0.01)


def takes_connections(port: int) -> bool:
    """Return whether somebody listens on a port."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def process(
    module: str, *arguments: str, environ: Mapping[str, str], output: int | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a module of the repository; kill it in the end if it still lives.

    Its standard output goes to the file descriptor `output`. None: where ours goes.
    """
    command = [sys.executable, "-m", module, *arguments]
    environment = os.environ | environ
    started = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=output)
    try:
        yield started
    finally:
        started.kill()
        started.wait()


@dataclass(frozen=True, kw_only=True)
class RunningSidecar:
    """A sidecar process and its ports."""

    process: "subprocess.Popen[bytes]"
    serving_port: int
    tls_port: int
    admin_port: int
    stats_port: int
    metrics_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.serving_port}"

    @property
    def admin_url(self) -> str:
        return f"http://127.0.0.1:{self.admin_port}"

    def probe(self) -> requests.Response:
        """Ask as the kubelet does."""
        headers = {"User-Agent": "kube-probe/1.31", "K-Network-Probe": "queue"}
        return requests.get(self.url, headers=headers, timeout=15)

    def metric(self, series: str) -> float:
        """Return a value from the Prometheus page; 0 for a series that is not there."""
        page = requests.get(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5).text
        for line in page.splitlines():
            name, _, value = line.rpartition(" ")
            if name == series:
                return float(value)
        return 0.0

    def order(self, target: str, method: str = "GET") -> requests.Response:
        """Ask the admin port."""
        return requests.request(method, f"{self.admin_url}{target}", timeout=30)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)


def sidecar_settings(user_port: int, container_concurrency: int) -> dict[str, str]:
    """Return the environment of a sidecar on free ports."""
    return {
        "CONTAINER_CONCURRENCY": str(container_concurrency),
        "USER_PORT": str(user_port),
        "REVISION_TIMEOUT_SECONDS": "60",
        "SERVING_NAMESPACE": "default",
        "SERVING_REVISION": "test",
        "SERVING_POD": "test-1",
        "QUEUE_SERVING_PORT": str(free_port()),
        "QUEUE_SERVING_TLS_PORT": str(free_port()),
        "INFLIGHT_ADMIN_PORT": str(free_port()),
        "INFLIGHT_STATS_PORT": str(free_port()),
        "INFLIGHT_METRICS_PORT": str(free_port()),
        "INFLIGHT_LISTEN_HOST": "127.0.0.1",
        "INFLIGHT_DRAIN_QUIET_SECONDS": "0.3",
    }


@contextmanager
def sidecar(
    user_port: int,
    *,
    container_concurrency: int,
    output: int | None = None,
    **environ: str,
) -> Iterator[RunningSidecar]:
    """Run a sidecar before the model on `user_port`; ready to take connections."""
    settings = sidecar_settings(user_port, container_concurrency) | environ
    with process("queueproxy", environ=settings, output=output) as started:
        proxy = RunningSidecar(
            process=started,
            serving_port=int(settings["QUEUE_SERVING_PORT"]),
            tls_port=int(settings["QUEUE_SERVING_TLS_PORT"]),
            admin_port=int(settings["INFLIGHT_ADMIN_PORT"]),
            stats_port=int(settings["INFLIGHT_STATS_PORT"]),
            metrics_port=int(settings["INFLIGHT_METRICS_PORT"]),
        )
        wait_until(lambda: takes_connections(proxy.serving_port), "the sidecar listens")
        yield proxy


@contextmanager
def sleeper(port: int, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the sleeping model on `port`; does not wait until it listens."""
    with process("loadtest.sleeper", *arguments, environ={"PORT": str(port)}) as started:
        yield started
