"""Setting aside what lives, so that the collector stops nobody."""

import asyncio
import gc

import pytest

from autoscaler.garbage import collect_rarely
from tests.polling import until

pytestmark = pytest.mark.asyncio


async def test_what_lives_is_set_aside_again_and_again_and_given_back_at_the_end() -> None:
    before = gc.get_freeze_count()
    task = asyncio.get_running_loop().create_task(collect_rarely())
    await until(lambda: gc.get_freeze_count() > before)
    first = gc.get_freeze_count()
    kept: list[list[None]] = [[] for _ in range(10_000)]
    await until(lambda: gc.get_freeze_count() >= first + len(kept))
    task.cancel()
    await asyncio.wait([task])
    assert gc.get_freeze_count() == 0
