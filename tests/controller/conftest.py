from collections.abc import AsyncIterator

import pytest_asyncio

from tests.fakes.kube_api import KubeApi


@pytest_asyncio.fixture
async def server() -> AsyncIterator[KubeApi]:
    """An API server with what the chart installs for the webhook."""
    async with KubeApi().serve() as server:
        server.put("secrets", {"metadata": {"name": "webhook-tls", "namespace": "inflight"}})
        for kind in ("mutating", "validating"):
            hooks = [{"name": "a", "clientConfig": {"service": {"name": "webhook"}}}]
            resource = f"{kind}webhookconfigurations.admissionregistration.k8s.io"
            server.put(resource, {"metadata": {"name": "inflight"}, "webhooks": hooks})
        yield server
