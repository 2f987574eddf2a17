from collections.abc import AsyncIterator

import pytest_asyncio

from servingkit.cluster.kubernetes.api import ApiClient
from tests.fakes.kube_api import KubeApi


@pytest_asyncio.fixture
async def server() -> AsyncIterator[KubeApi]:
    async with KubeApi().serve() as server:
        yield server


@pytest_asyncio.fixture
async def api(server: KubeApi) -> AsyncIterator[ApiClient]:
    async with ApiClient(server.access) as api:
        yield api
