from collections.abc import AsyncIterator

import pytest_asyncio

from tests.autoscaler.kubernetes.world import World, open_world


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as world:
        yield world
