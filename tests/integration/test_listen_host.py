"""An address or a port that a program cannot listen on ends it with one line, and no traceback."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.fakes.kube_api import KubeApi
from tests.integration.programs import REPOSITORY, sidecar_settings
from tests.ports import free_port

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

ELSEWHERE = "203.0.113.7"
"""An address of no machine (RFC 5737)."""

PROGRAMS = {
    "queueproxy": ("INFLIGHT_LISTEN_HOST", "QUEUE_SERVING_PORT"),
    "activator": ("LISTEN_HOST", "METRICS_PORT"),
    "autoscaler": ("LISTEN_HOST", "API_PORT"),
    "controller": ("LISTEN_HOST", "PORT"),
}


@pytest_asyncio.fixture
async def kube() -> AsyncIterator[KubeApi]:
    """An API server with what the chart installs for the webhook."""
    async with KubeApi().serve() as kube:
        kube.put("secrets", {"metadata": {"name": "webhook-tls", "namespace": "inflight"}})
        for kind in ("mutating", "validating"):
            resource = f"{kind}webhookconfigurations.admissionregistration.k8s.io"
            kube.put(resource, {"metadata": {"name": "inflight"}, "webhooks": []})
        yield kube


async def last_words(program: str, kube: KubeApi, **changed: str) -> tuple[int | None, list[str]]:
    """Return the exit code, and what was told beside the log."""
    ports = ("PORT", "METRICS_PORT", "STAT_PORT", "API_PORT")
    settings = {
        **sidecar_settings(free_port(), 1),
        **{port: str(free_port()) for port in ports},
        "LISTEN_HOST": "127.0.0.1",
        "POD_NAME": "it",
        "POD_NAMESPACE": "inflight",
        "INFLIGHT_KUBERNETES_URL": kube.url,
        "INFLIGHT_SIDECAR_IMAGE": "example.com/queueproxy:1",
        "INFLIGHT_CERTIFICATE_SECRET": "webhook-tls",
        "INFLIGHT_WEBHOOK_SERVICE": "webhook",
        "INFLIGHT_WEBHOOK_CONFIGURATION": "inflight",
    }
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", program),
        cwd=REPOSITORY,
        env=os.environ | settings | changed,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await child.communicate()
    lines = errors.decode().splitlines()
    return child.returncode, [line for line in lines if not line.startswith("{")]


@pytest.mark.parametrize("program", PROGRAMS)
async def test_an_address_of_another_machine_is_told_as_its_setting(
    program: str, kube: KubeApi
) -> None:
    key, _ = PROGRAMS[program]
    code, told = await last_words(program, kube, **{key: ELSEWHERE})
    expected = "an address of this machine, or a name of one (cannot assign requested address)"
    assert (code, told) == (78, [f"{key}: '{ELSEWHERE}'; expected {expected}"])


@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_port_that_is_taken_is_told_as_its_setting(program: str, kube: KubeApi) -> None:
    _, key = PROGRAMS[program]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, told = await last_words(program, kube, **{key: str(port)})
    expected = "a port that is free (address already in use)"
    assert (code, told) == (78, [f"{key}: '{port}'; expected {expected}"])
