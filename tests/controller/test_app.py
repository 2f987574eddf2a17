import asyncio
import base64
import json
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from controller.app import Controller
from controller.config import Config
from tests.controller.core.pods import pod
from tests.fakes.kube_api import KubeApi

pytestmark = pytest.mark.integration

Json = dict[str, Any]


def _environ(server: KubeApi) -> dict[str, str]:
    return {
        "INFLIGHT_SIDECAR_IMAGE": "example.com/queueproxy:1",
        "INFLIGHT_KUBERNETES_URL": server.url,
        "POD_NAMESPACE": "inflight",
        "INFLIGHT_CERTIFICATE_SECRET": "webhook-tls",
        "INFLIGHT_WEBHOOK_SERVICE": "webhook",
        "INFLIGHT_WEBHOOK_CONFIGURATION": "inflight",
        "LISTEN_HOST": "127.0.0.1",
        "PORT": "0",
        "METRICS_PORT": "0",
        "DRAIN_SECONDS": "0",
    }


class _Caller:
    """The API server's side: trusts what the configuration says, calls by the Service's name."""

    def __init__(self, controller: Controller, session: aiohttp.ClientSession, bundle: str) -> None:
        self._controller = controller
        self._session = session
        self._trust = ssl.create_default_context(cadata=base64.b64decode(bundle).decode())

    async def call(self, method: str, path: str, data: bytes = b"") -> tuple[int, str]:
        url = f"https://127.0.0.1:{self._controller.port}{path}"
        async with self._session.request(
            method, url, data=data, ssl=self._trust, server_hostname="webhook.inflight.svc"
        ) as answer:
            return answer.status, await answer.text()

    async def review(self, path: str, reviewed: Json) -> Json:
        request = {"uid": "u-1", "namespace": "shop", "object": reviewed}
        status, text = await self.call("POST", path, json.dumps({"request": request}).encode())
        assert status == 200
        response: Json = json.loads(text)["response"]
        return response

    async def metrics(self) -> str:
        url = f"http://127.0.0.1:{self._controller.metrics_port}/metrics"
        async with self._session.get(url) as answer:
            return await answer.text()


@asynccontextmanager
async def _running(server: KubeApi) -> AsyncIterator[_Caller]:
    controller = Controller(Config.from_env(_environ(server)))
    stopping, started = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks, aiohttp.ClientSession() as session:
        tasks.create_task(controller.run(stopping, started))
        await started.wait()
        resource = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
        configuration = server.get(resource, "", "inflight")
        assert configuration is not None
        bundle = configuration["webhooks"][0]["clientConfig"]["caBundle"]
        try:
            yield _Caller(controller, session, bundle)
        finally:
            stopping.set()


@pytest.mark.asyncio
async def test_reviews_are_answered_over_tls_and_counted(server: KubeApi) -> None:
    async with _running(server) as caller:
        assert "patch" in await caller.review("/mutate", pod())
        assert await caller.review("/mutate", {"spec": {}}) == {"uid": "u-1", "allowed": True}
        bad = await caller.review("/mutate", pod(annotations={"inflight.dev/port": "0"}))
        assert bad["status"]["message"].startswith("inflight.dev/port: '0'")
        template = {"metadata": {"name": "iris"}, "spec": {"template": pod()}}
        assert (await caller.review("/validate", template))["allowed"] is True
        page = await caller.metrics()
    for webhook, result in (
        ("mutate", "injected"),
        ("mutate", "unchanged"),
        ("mutate", "refused"),
        ("validate", "allowed"),
    ):
        labels = f'{{result="{result}",webhook="{webhook}"}}'
        assert f"inflight_admission_reviews_total{labels} 1.0" in page
    assert "inflight_webhook_certificate_expiry_timestamp_seconds" in page


@pytest.mark.asyncio
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"request": {"uid": "u"}}'])
async def test_what_is_no_review_gets_400(server: KubeApi, body: bytes) -> None:
    async with _running(server) as caller:
        status, text = await caller.call("POST", "/mutate", body)
        assert (status, bool(text)) == (400, True)


@pytest.mark.asyncio
async def test_health_is_told(server: KubeApi) -> None:
    async with _running(server) as caller:
        assert await caller.call("GET", "/healthz") == (200, "ok\n")
        assert await caller.call("GET", "/readyz") == (200, "ok\n")
        assert (await caller.call("GET", "/mutate"))[0] == 405


@pytest.mark.asyncio
async def test_it_stops_even_if_it_never_had_a_certificate(server: KubeApi) -> None:
    server.faults.away = True
    controller = Controller(Config.from_env(_environ(server)))
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(controller.run(stopping))
        await asyncio.sleep(0.05)
        stopping.set()


@pytest.mark.asyncio
async def test_the_program_ends_on_sigterm(server: KubeApi) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "controller"),
        env=_environ(server),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    events = []
    async for line in process.stderr:
        events.append(json.loads(line)["event"])
        if events[-1] == "serving":
            process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    assert events[-2:] == ["serving", "stopping"]


@pytest.mark.asyncio
async def test_the_program_names_bad_settings() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "controller"), env={}, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 78
    assert b"INFLIGHT_SIDECAR_IMAGE: not set" in errors
