"""Real processes for tests: a model that sleeps, and a sidecar before it."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests

from tests.polling import PATIENCE_S
from tests.ports import free_port

REPOSITORY = Path(__file__).parents[2]


def wait_until(condition: Callable[[], bool], what: str, deadline_s: float = PATIENCE_S) -> None:
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
        return requests.get(self.url, headers=headers, timeout=60)

    def metric(self, series: str) -> float:
        """Return a value from the Prometheus page; 0 for a series that is not there."""
        page = requests.get(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=60).text
        for line in page.splitlines():
            name, _, value = line.rpartition(" ")
            if name == series:
                return float(value)
        return 0.0

    def order(self, target: str, method: str = "GET") -> requests.Response:
        """Ask the admin port."""
        return requests.request(method, f"{self.admin_url}{target}", timeout=60)

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


class HeldModel:
    """A model that answers `/held` when a test says so, and anything else at once."""

    def __init__(self) -> None:
        self._let_go = threading.Event()
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path == "/held":
                    model._let_go.wait()
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port: int = self.server.server_address[1]

    def let_go(self) -> None:
        """Answer what is held, and from now on everything."""
        self._let_go.set()


@contextmanager
def held_model() -> Iterator[HeldModel]:
    """Run a model whose answers wait for `let_go`."""
    model = HeldModel()
    serving = threading.Thread(target=model.server.serve_forever)
    serving.start()
    try:
        yield model
    finally:
        model.let_go()
        model.server.shutdown()
        serving.join()
        model.server.server_close()
