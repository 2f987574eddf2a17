"""A drain in its order: who is told what, and when it ends."""

import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import requests

from tests.integration.programs import (
    RunningSidecar,
    sidecar,
    sleeper,
    takes_connections,
    wait_until,
)
from tests.ports import free_port

pytestmark = pytest.mark.integration

QUIET_S = 3.0


@contextmanager
def serving(quiet_s: float = QUIET_S) -> Iterator[RunningSidecar]:
    with (
        sleeper(port := free_port()),
        sidecar(port, container_concurrency=1, INFLIGHT_DRAIN_QUIET_SECONDS=str(quiet_s)) as proxy,
    ):
        wait_until(lambda: takes_connections(port), "the model listens")
        yield proxy


def wait_until_drained(proxy: RunningSidecar) -> None:
    """Wait until the sidecar says that it is drained."""
    assert proxy.order("/wait-for-drain").status_code == 200


def test_the_very_next_answer_after_the_hook_tells_its_client() -> None:
    with serving() as proxy, requests.Session() as session:
        assert "Connection" not in session.get(proxy.url, timeout=60).headers
        proxy.order("/drain")
        assert session.get(proxy.url, timeout=60).headers["Connection"] == "close"


def test_probes_are_refused_at_once_and_requests_are_not() -> None:
    with serving() as proxy:
        proxy.order("/drain")
        assert proxy.probe().status_code == 503
        assert requests.get(proxy.url, timeout=60).status_code == 200


def test_idle_connections_stay_open_until_the_end_and_then_close() -> None:
    with serving(quiet_s=1.0) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.serving_port), timeout=60) as idle:
            idle.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert idle.recv(65_536).startswith(b"HTTP/1.1 200 ")
            began_at = time.monotonic()
            proxy.order("/drain")
            wait_until_drained(proxy)
            assert time.monotonic() - began_at >= 1.0
            idle.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert b"Connection: close" in idle.recv(65_536)
        with socket.create_connection(("127.0.0.1", proxy.serving_port), timeout=60) as idle:
            proxy.terminate()
            assert idle.recv(1) == b""
        assert proxy.process.wait(timeout=60) == 0


def test_connection_that_asks_nothing_starts_the_quiet_time_anew() -> None:
    with serving() as proxy:
        proxy.order("/drain")
        time.sleep(QUIET_S / 2)
        began_at = time.monotonic()
        with socket.create_connection(("127.0.0.1", proxy.serving_port)):
            wait_until_drained(proxy)
            # Without it half of the quiet time would be left; its clock is that of the last tick.
            assert time.monotonic() - began_at > QUIET_S * 0.75


def test_probes_do_not_start_the_quiet_time_anew() -> None:
    with serving() as proxy, ThreadPoolExecutor(1) as waiting:
        proxy.order("/drain")
        drained = waiting.submit(wait_until_drained, proxy)
        while not drained.done():
            proxy.probe()  # on a connection of its own, as the kubelet's are
        drained.result()


def test_acknowledged_removal_ends_the_drain_at_once() -> None:
    with serving(quiet_s=600) as proxy:
        proxy.order("/drain?removed=true")
        wait_until_drained(proxy)
        proxy.terminate()
        assert proxy.process.wait(timeout=60) == 0


def test_acknowledged_removal_waits_for_requests_under_way() -> None:
    with (
        serving(quiet_s=600) as proxy,
        socket.create_connection(("127.0.0.1", proxy.serving_port), timeout=60) as client,
    ):
        client.sendall(b"GET /?sleep=1000 HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: proxy.metric("inflight_requests_in_flight") == 1, "it runs")
        proxy.order("/drain?removed=true")
        wait_until_drained(proxy)
        assert proxy.metric('inflight_requests_total{code="200"}') == 1
        assert client.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_second_signal_ends_at_once() -> None:
    with serving(quiet_s=600) as proxy:
        proxy.terminate()
        wait_until(lambda: proxy.probe().status_code == 503, "it drains")
        proxy.terminate()
        assert proxy.process.wait(timeout=60) == -signal.SIGTERM
