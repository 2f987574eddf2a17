"""What nobody may do to a sidecar, and what it does not need."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.integration.programs import (
    REPOSITORY,
    RunningSidecar,
    sidecar,
    sidecar_settings,
    sleeper,
    takes_connections,
    wait_until,
)
from tests.ports import free_port

pytestmark = pytest.mark.integration


@contextmanager
def serving(**environ: str) -> Iterator[RunningSidecar]:
    with (
        sleeper(port := free_port()),
        sidecar(port, container_concurrency=1, output=None, **environ) as proxy,
    ):
        wait_until(lambda: takes_connections(port), "the model listens")
        yield proxy


@pytest.mark.parametrize(
    "target",
    [
        "/metrics",
        "/drain",
        "/drain?removed=true",
        "/wait-for-drain",
        "/container-concurrency?limit=9",
        "//drain",
        "/./drain",
        "/%64rain",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_admin_side_is_not_reached_through_the_serving_port(target: str, method: str) -> None:
    with serving() as proxy:
        # Its Host may name whatever it likes: the model is asked, and knows no such page.
        headers = {"Host": f"127.0.0.1:{proxy.admin_port}"}
        answer = requests.request(method, proxy.url + target, headers=headers, timeout=60)
        assert (answer.status_code, answer.text) == (404, "404: Not Found")
        assert proxy.probe().status_code == 200
        assert proxy.order("/container-concurrency").text == "1\n"


def test_admin_side_is_not_reached_by_a_target_with_another_host() -> None:
    with serving() as proxy:
        with socket.create_connection(("127.0.0.1", proxy.serving_port), timeout=60) as client:
            client.sendall(
                b"GET http://127.0.0.1:%d/drain HTTP/1.1\r\nHost: a\r\n\r\n" % proxy.admin_port
            )
            assert client.recv(65_536).startswith(b"HTTP/1.1 404 ")
        assert proxy.probe().status_code == 200


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: a\r\nK-Network-Probe: probe\r\n"
            b"K-Network-Hash: x\rSet-Cookie: y\r\n\r\n",
            id="a bare CR in a hash that is echoed",
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: a\r\nK-Network-Probe: probe\r\n"
            b"K-Network-Hash: x\n\tSet-Cookie: y\r\n\r\n",
            id="a folded hash",
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: a\r\nK-Original-Host: b\rX-Evil: c\r\n\r\n",
            id="a bare CR in a host that is restored",
        ),
        pytest.param(b"GET /\rX-Evil: c HTTP/1.1\r\nHost: a\r\n\r\n", id="a bare CR in the target"),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Host: b\rX-Evil: c\r\n\r\n",
            id="a bare CR in what Forwarded is made of",
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: \0\r\n\r\n",
            id="a NUL in what Forwarded is made of",
        ),
    ],
)
def test_no_client_injects_a_header(head: bytes) -> None:
    with serving() as proxy:
        with socket.create_connection(("127.0.0.1", proxy.serving_port), timeout=60) as client:
            client.sendall(head)
            answer = client.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"Set-Cookie" not in answer
        assert proxy.metric("inflight_requests_in_flight") == 0


def test_what_a_probe_is_told_of_itself_stays_in_the_body() -> None:
    with serving() as proxy:
        headers = {"User-Agent": "kube-probe/1", "K-Network-Probe": "x: y; Set-Cookie: z"}
        answer = requests.get(proxy.url, headers=headers, timeout=60)
        assert answer.status_code == 400
        assert set(answer.headers) == {"Content-Length"}


AS_NOBODY = """
import encodings.idna, os, resource, sys
sys.path.insert(0, sys.argv[1])
from queueproxy.__main__ import main
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # no file can get a byte
sys.exit(main())
"""
"""Becomes nobody only now, since an interpreter in somebody's home would not start otherwise."""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become nobody")
def test_it_runs_as_nobody_where_nothing_can_be_written(tmp_path: Path) -> None:
    settings = sidecar_settings(port := free_port(), 1)
    settings |= {"HOME": "/nonexistent", "TMPDIR": "/nonexistent", "PATH": ""}
    command = [sys.executable, "-B", "-c", AS_NOBODY, str(REPOSITORY)]
    with (
        sleeper(port),
        subprocess.Popen(
            command, cwd=tmp_path, env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as started,
    ):
        wait_until(lambda: takes_connections(port), "the model listens")
        serving_port = int(settings["QUEUE_SERVING_PORT"])
        wait_until(lambda: takes_connections(serving_port), "the sidecar listens")
        url = f"http://127.0.0.1:{serving_port}"
        assert requests.get(url, timeout=60).status_code == 200
        assert {Path(link).readlink().parts[:2] for link in open_files(started.pid)} <= {
            ("/", "dev")
        }
        started.terminate()
        assert started.wait(timeout=60) == 0
    assert not list(tmp_path.iterdir())


def open_files(pid: int) -> list[Path]:
    """Return what a process has open besides sockets, pipes and the like."""
    links = Path(f"/proc/{pid}/fd").iterdir()
    return [link for link in links if str(link.readlink()).startswith("/")]


def test_trace_context_passes_on() -> None:
    sent = {
        "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "Tracestate": "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7",
        "Baggage": "a=b",
    }
    with socket.create_server(("127.0.0.1", 0)) as model:
        model.settimeout(60)
        port = model.getsockname()[1]
        with sidecar(port, container_concurrency=0) as proxy:
            with socket.create_connection(("127.0.0.1", proxy.serving_port)) as client:
                lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
                client.sendall(f"GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode())
                asked = model.accept()[0]
                with asked:
                    head = asked.recv(65_536).decode()
            assert all(f"{name}: {value}\r\n" in head for name, value in sent.items())
