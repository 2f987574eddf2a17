from collections.abc import AsyncIterator

import pytest_asyncio

from servingkit.http1.engine import Engine
from tests.activator.world import World


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with Engine() as inside, Engine() as outside:
        world = World(inside, outside)
        try:
            yield world
        finally:
            await world.stop()
