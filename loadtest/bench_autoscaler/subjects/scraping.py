"""Pods asked for their stats each second: by our scraper, or by aiohttp's client.

python -m loadtest.bench_autoscaler.subjects.scraping inflight|aiohttp PODS PORT
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import uvloop

from autoscaler.core.defaults import Defaults
from autoscaler.core.settings import parse_annotations
from autoscaler.journal import Journal
from autoscaler.scraper import Scraper
from autoscaler.tracked_revision import TrackedRevision
from loadtest.bench_autoscaler.subjects.reporting import answer_questions
from loadtest.bench_autoscaler.synthetic_cluster import (
    SyntheticCluster,
    pod_address,
)
from servingkit.clock import monotonic
from servingkit.http1.client import HttpClient
from servingkit.http1.engine import Engine
from servingkit.stat_wire import decode_stat

_PODS_EACH: Final = 2

Counts = Callable[[], Mapping[str, object]]


@asynccontextmanager
async def inflight(pods: int, port: int) -> AsyncIterator[Counts]:
    """Ask with our scraper, into the windows of the revisions."""
    cluster = SyntheticCluster(pods // _PODS_EACH, _PODS_EACH, 0, stats_port=port)
    journal = Journal()
    tracked = {
        revision.id: TrackedRevision(
            revision, parse_annotations(revision.annotations, Defaults()), journal
        )
        for revision in cluster.revisions().values()
    }
    async with Engine() as engine, asyncio.TaskGroup() as group:
        scraper = Scraper(HttpClient(engine), cluster, tracked)
        task = group.create_task(scraper.run())
        yield lambda: {
            "scrapes": scraper.durations.buckets()[-1][1],
            "failures": scraper.failures.total(),
        }
        task.cancel()


@asynccontextmanager
async def aiohttp_client(pods: int, port: int) -> AsyncIterator[Counts]:
    """Ask with aiohttp, as spread and as concurrent as ours; decode, and forget."""
    scrapes = failures = 0
    urls = [f"http://{pod_address(number)}:{port}/metrics" for number in range(pods)]

    async def ask(session: aiohttp.ClientSession, url: str) -> None:
        nonlocal scrapes, failures
        try:
            async with session.get(url) as answer:
                decode_stat(await answer.read())
                scrapes += 1
        except (aiohttp.ClientError, TimeoutError):
            failures += 1

    async def ask_all(session: aiohttp.ClientSession) -> None:
        async with asyncio.TaskGroup() as group:
            second = monotonic()
            while True:
                for part in range(50):
                    for url in urls[part::50]:
                        group.create_task(ask(session, url))
                    await asyncio.sleep(second + (part + 1) / 50 - monotonic())
                second += 1

    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=3)
    async with (
        aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
        asyncio.TaskGroup() as group,
    ):
        task = group.create_task(ask_all(session))
        yield lambda: {"scrapes": scrapes, "failures": failures}
        task.cancel()


CLIENTS = {"inflight": inflight, "aiohttp": aiohttp_client}


async def main(client: str, pods: int, port: int) -> None:
    """Run until standard input ends."""
    logging.disable(logging.WARNING)
    async with CLIENTS[client](pods, port) as counts:
        await answer_questions(counts)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
