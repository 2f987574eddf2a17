"""Requests held while there is no pod, released to twenty sidecars: none lost, none too many."""

from collections import Counter
from pathlib import Path

import pytest

from loadtest.bench_activator.clients import Crowd
from loadtest.bench_activator.rig import rig
from servingkit.core.revision import PodState
from servingkit.open_files import raise_limit

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

PODS = 20
LIMIT = 5


async def hold_and_release(folder: Path, count: int, within_s: float) -> int:
    """Hold `count` requests, release them, and return the activator's memory while it held."""
    async with rig(folder / "rig", None, LIMIT) as place:
        await place.start_pods(PODS, 0.02, "exponential")
        crowd = Crowd(place.port, count)
        await crowd.connect()
        await place.until_held(count)
        rss_bytes = place.usage().rss_bytes
        await place.show(place.pods)
        await crowd.all_answered(within_s)
        seen = await place.report()
    assert Counter(answer.status for answer in crowd.answers) == {200: count}
    assert sum(len(model.arrivals) for model in seen.values()) == count
    assert max(model.peak for model in seen.values()) <= LIMIT
    assert all(model.arrivals for model in seen.values())  # every pod had its part
    return rss_bytes


async def test_five_hundred_held_requests_reach_the_models_once_each(tmp_path: Path) -> None:
    await hold_and_release(tmp_path, 500, within_s=90)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_ten_thousand_held_requests_take_little_memory(tmp_path: Path) -> None:
    raise_limit()
    assert await hold_and_release(tmp_path, 10_000, within_s=500) < 250 * 1024 * 1024


async def test_a_pod_that_the_cluster_calls_starting_is_used_as_soon_as_it_answers(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path / "rig", None, LIMIT) as place:
        pod = await place.add_pod()
        await place.show([pod], PodState.STARTING)
        crowd = Crowd(place.port, 4 * LIMIT)
        await crowd.connect()
        await place.until_held(4 * LIMIT)
        await place.listen([pod], 0.02)
        await crowd.all_answered(90)
        (seen,) = (await place.report()).values()
    assert Counter(answer.status for answer in crowd.answers) == {200: 4 * LIMIT}
    assert seen.peak <= LIMIT
