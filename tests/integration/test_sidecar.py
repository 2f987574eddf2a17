"""The sidecar as a process, before a model that is a process."""

import json
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from servingkit.stat_wire import decode_stat
from tests.integration.programs import (
    RunningSidecar,
    held_model,
    sidecar,
    sleeper,
    takes_connections,
    wait_until,
)
from tests.ports import free_port

pytestmark = pytest.mark.integration


@pytest.fixture
def model_port() -> Iterator[int]:
    port = free_port()
    with sleeper(port):
        wait_until(lambda: takes_connections(port), "the model listens")
        yield port


def get(url: str, **headers: str) -> requests.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(url, headers=sent, timeout=60)


def test_container_concurrency_is_kept_and_nobody_is_lost(model_port: int) -> None:
    with sidecar(model_port, container_concurrency=5) as proxy, ThreadPoolExecutor(40) as clients:
        answers = list(clients.map(get, [f"{proxy.url}/?sleep=100"] * 40))
        assert [a.status_code for a in answers] == [200] * 40
        counts = requests.get(f"http://127.0.0.1:{model_port}/stats", timeout=60).json()
        assert counts["peak_concurrency"] == 5
        assert proxy.metric('inflight_requests_total{code="200"}') == 40
        assert proxy.metric("inflight_requests_in_flight") == 0


def test_full_queue_answers_as_knative_does() -> None:
    with (
        held_model() as model,
        sidecar(model.port, container_concurrency=1) as proxy,
        ThreadPoolExecutor(11) as clients,
    ):
        running = [clients.submit(get, f"{proxy.url}/held") for _ in range(11)]
        wait_until(
            lambda: proxy.metric("inflight_requests_in_flight") == 11, "one runs and ten wait"
        )
        refused = get(proxy.url)
        assert (refused.status_code, refused.text) == (503, "pending request queue full\n")
        assert refused.headers["Inflight-Reason"] == "queue-full"
        assert refused.headers["Retry-After"] == "1"
        model.let_go()
        assert {future.result().status_code for future in running} == {200}


def test_request_that_does_not_want_to_wait_is_refused_at_once() -> None:
    with (
        held_model() as model,
        sidecar(model.port, container_concurrency=1) as proxy,
        ThreadPoolExecutor(1) as clients,
    ):
        running = clients.submit(get, f"{proxy.url}/held")
        wait_until(lambda: proxy.metric("inflight_requests_in_flight") == 1, "one runs")
        refused = get(proxy.url, Inflight_Queue="0")
        assert (refused.status_code, refused.headers["Inflight-Reason"]) == (429, "queue-full")
        assert not running.done()
        model.let_go()
        assert running.result().status_code == 200


def test_pod_is_ready_when_its_model_is() -> None:
    with sidecar(port := free_port(), container_concurrency=7) as proxy:
        with ThreadPoolExecutor(1) as kubelet:
            early = kubelet.submit(proxy.probe)
            wait_until(lambda: bool(early.running()), "the kubelet asks")
            with sleeper(port):
                wait_until(lambda: takes_connections(port), "the model listens")
                # The early question is held for up to 10 s, which a model may well need.
                assert early.result().status_code in {200, 503}
                answer = proxy.probe()
        assert (answer.status_code, answer.text) == (200, "queue")
        assert answer.headers["Inflight-Container-Concurrency"] == "7"


def test_unready_model_fails_the_probe_with_its_own_period(model_port: int) -> None:
    readiness = {"httpGet": {"path": "/?sleep=bad"}, "periodSeconds": 1}
    with sidecar(
        model_port, container_concurrency=1, SERVING_READINESS_PROBE=json.dumps(readiness)
    ) as proxy:
        assert proxy.probe().status_code == 503


def test_stat_reports_the_average_of_the_last_second() -> None:
    with (
        held_model() as model,
        sidecar(model.port, container_concurrency=0) as proxy,
        ThreadPoolExecutor(3) as clients,
    ):
        url = f"http://127.0.0.1:{proxy.stats_port}/metrics"
        for header in ("activator", "", ""):
            clients.submit(get, f"{proxy.url}/held", K_Proxy_Request=header)

        def steady() -> bool:
            stat = decode_stat(requests.get(url, timeout=60).content)
            assert stat.pod_name == "test-1"
            return (
                stat.average_concurrent_requests == pytest.approx(3)
                and stat.average_proxied_concurrent_requests == pytest.approx(1)
                and stat.request_count == 0
            )

        wait_until(steady, "a whole second with three requests, one of them proxied")
        model.let_go()


def test_client_that_leaves_frees_its_slot(model_port: int) -> None:
    with sidecar(model_port, container_concurrency=1) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.serving_port)) as client:
            client.sendall(b"GET /?sleep=20000 HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_until(lambda: proxy.metric("inflight_requests_in_flight") == 1, "it runs")
        assert get(f"{proxy.url}/?sleep=0").status_code == 200
        assert proxy.metric('inflight_requests_total{code="499"}') == 1
        wait_until(
            lambda: proxy.metric("inflight_requests_in_flight") == 0, "no request is counted"
        )


def test_time_limit_before_the_first_byte_is_a_504(model_port: int) -> None:
    with sidecar(model_port, container_concurrency=1, REVISION_TIMEOUT_SECONDS="0.3") as proxy:
        answer = get(f"{proxy.url}/?sleep=20000")
        assert (answer.status_code, answer.text) == (504, "request timeout\n")
        assert answer.headers["Inflight-Reason"] == "upstream-timeout"
        assert proxy.metric("inflight_requests_in_flight") == 0


def test_killed_model_gives_502_with_a_reason_and_no_slot_leaks() -> None:
    port = free_port()
    with (
        sleeper(port) as model,
        sidecar(port, container_concurrency=2) as proxy,
        ThreadPoolExecutor(6) as clients,
    ):
        wait_until(lambda: takes_connections(port), "the model listens")
        running = [clients.submit(get, f"{proxy.url}/?sleep=20000") for _ in range(6)]
        wait_until(
            lambda: proxy.metric("inflight_requests_in_flight") == 6, "two run and four wait"
        )
        model.send_signal(signal.SIGKILL)
        answers = [future.result() for future in running]
        assert {a.status_code for a in answers} == {502}
        # Of those who waited, some may still have met the dying process; the rest never
        # reached it, and the reason says so.
        assert {a.headers["Inflight-Reason"] for a in answers} == {"upstream-error", "starting"}
        assert proxy.metric("inflight_requests_in_flight") == 0
        assert proxy.metric("inflight_requests_queued") == 0


def exit_code_after_sigterm(proxy: RunningSidecar) -> int:
    proxy.terminate()
    return proxy.process.wait(timeout=60)


def test_sigterm_lets_the_last_request_end_and_exits_with_0() -> None:
    with (
        held_model() as model,
        sidecar(model.port, container_concurrency=2) as proxy,
        ThreadPoolExecutor(1) as clients,
    ):
        running = clients.submit(get, f"{proxy.url}/held")
        wait_until(lambda: proxy.metric("inflight_requests_in_flight") == 1, "it runs")
        proxy.terminate()
        wait_until(lambda: proxy.probe().status_code == 503, "probes are answered with 503")
        wait_until(
            lambda: get(f"{proxy.url}/now").headers.get("Connection") == "close",
            "requests are still served, and clients told to go elsewhere",
        )
        model.let_go()
        assert running.result().status_code == 200
        assert proxy.process.wait(timeout=60) == 0


def test_idle_sidecar_ends_after_the_quiet_time(model_port: int) -> None:
    with sidecar(model_port, container_concurrency=1) as proxy:
        assert exit_code_after_sigterm(proxy) == 0


def test_sidecar_ends_while_its_model_never_gets_ready() -> None:
    with (
        sidecar(free_port(), container_concurrency=1) as proxy,
        ThreadPoolExecutor(1) as kubelet,
    ):
        probing = kubelet.submit(proxy.probe)
        wait_until(lambda: bool(probing.running()), "the kubelet asks")
        assert exit_code_after_sigterm(proxy) == 0
        assert probing.result().status_code == 503


def test_hooks_drain_the_pod_and_a_restart_of_the_container_does_not(model_port: int) -> None:
    with sidecar(model_port, container_concurrency=1) as proxy:
        admin = f"http://127.0.0.1:{proxy.admin_port}"
        assert get(f"{admin}/wait-for-drain").status_code == 200
        assert proxy.probe().status_code == 200  # nobody deleted the pod
        assert get(f"{admin}/drain").status_code == 200
        assert proxy.probe().status_code == 503
        assert get(f"{admin}/wait-for-drain").status_code == 200
        assert get(f"{admin}/elsewhere").status_code == 404
