"""Each case at a size that proves nothing but that it measures."""

import os
from dataclasses import replace

import pytest

from loadtest.bench.machine import Cores
from loadtest.bench_autoscaler.cases import QUICK, decide, poke, receive, scrape
from loadtest.bench_autoscaler.core.results import Metric

pytestmark = [pytest.mark.asyncio, pytest.mark.integration, pytest.mark.slow]

TINY = replace(
    QUICK,
    revisions=(20,),
    stats_per_second=40,
    pods=20,
    pokes=3,
    warm_up_s=2.5,
    measured_s=2.5,
)
CORES = Cores(min(os.sched_getaffinity(0)), frozenset(os.sched_getaffinity(0)))


async def test_decisions_are_counted() -> None:
    values = await decide(20, TINY, CORES)
    assert values[Metric.PER_SECOND] > 0
    assert values[Metric.CORES] > 0
    assert values[Metric.REVISION_KIB] > 0


async def test_pokes_are_answered() -> None:
    values = await poke(TINY, CORES)
    assert 0 < values[Metric.P50_MS] <= values[Metric.P99_MS]


@pytest.mark.parametrize("server", ["inflight", "websockets", "aiohttp"])
async def test_stats_arrive_at_each_server(server: str) -> None:
    values = await receive(server, TINY, CORES)
    assert values[Metric.PER_SECOND] > 0


@pytest.mark.parametrize("client", ["inflight", "aiohttp"])
async def test_pods_are_scraped_by_each_client(client: str) -> None:
    values = await scrape(client, TINY, CORES)
    assert values[Metric.PER_SECOND] > 0
