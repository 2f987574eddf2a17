import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from autoscaler.core.collector import SecondOfLoad
from autoscaler.scraper import MOST_OPEN, Scraper
from autoscaler.tracked_revision import TrackedRevision
from servingkit.clock import monotonic
from servingkit.core.revision import Address, PodState
from servingkit.http1.client import HttpClient
from servingkit.http1.engine import Engine
from tests.autoscaler.tracked import IRIS, OBSERVED, idle_plan, tracked_revision
from tests.fakes.cluster import FakeCluster, pod
from tests.fakes.stat_server import stat_server
from tests.polling import until

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def scraping(
    cluster: FakeCluster, tracked: TrackedRevision, most_open: int = MOST_OPEN
) -> AsyncIterator[Scraper]:
    async with Engine() as engine, asyncio.TaskGroup() as group:
        scraper = Scraper(HttpClient(engine), cluster, {IRIS: tracked}, most_open=most_open)
        task = group.create_task(scraper.run())
        yield scraper
        task.cancel()


async def test_ready_pods_are_asked_each_second_and_added_up() -> None:
    cluster, tracked = FakeCluster(), tracked_revision()
    async with stat_server("a", 2, 10) as one, stat_server("b", 3, 20) as other:
        cluster.put_pods(IRIS, pod("a", stats=one.address), pod("b", stats=other.address))
        async with scraping(cluster, tracked):
            await until(lambda: one.asked >= 3 and other.asked >= 3)
            assert tracked.collector.last_second(monotonic()) == SecondOfLoad(5, 30)
            assert set(tracked.collector.pods_heard_at) == {"a", "b"}


async def test_a_pod_that_is_not_ready_is_not_asked() -> None:
    cluster, tracked = FakeCluster(), tracked_revision()
    async with stat_server("a") as ready, stat_server("b") as starting:
        cluster.put_pods(
            IRIS,
            pod("a", stats=ready.address),
            pod("b", PodState.STARTING, stats=starting.address),
        )
        async with scraping(cluster, tracked):
            await until(lambda: ready.asked >= 2)
        assert starting.asked == 0


async def test_bad_answers_count_as_silence() -> None:
    cluster, tracked = FakeCluster(), tracked_revision()
    async with (
        stat_server("someone else") as impostor,
        stat_server("b") as broken,
        stat_server("c") as huge,
    ):
        broken.status = 500
        huge.padding = b"\x98\x06\x01" * 120
        cluster.put_pods(
            IRIS,
            pod("a", stats=impostor.address),
            pod("b", stats=broken.address),
            pod("c", stats=huge.address),
        )
        async with scraping(cluster, tracked) as scraper:
            await until(lambda: scraper.failures["no-stat"] >= 3)
    assert tracked.collector.pods_heard_at == {}


async def test_a_hung_pod_is_asked_once_at_a_time_and_delays_nobody() -> None:
    cluster, tracked = FakeCluster(), tracked_revision()
    connections = 0

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server, stat_server("b", 1) as good:
        hung = Address("127.0.0.1", server.sockets[0].getsockname()[1])
        cluster.put_pods(IRIS, pod("a", stats=hung), pod("b", stats=good.address))
        async with scraping(cluster, tracked) as scraper:
            await until(lambda: good.asked >= 3)
            assert connections == 1
            assert repr(scraper) == "<Scraper 1 pods being asked, 0 failures>"


async def test_another_pod_stands_in_for_one_of_a_sample_that_does_not_answer() -> None:
    cluster, tracked = FakeCluster(), tracked_revision()
    async with stat_server("pod-9", 4) as good:
        pods = [pod(f"pod-{index}") for index in range(9)]
        cluster.put_pods(IRIS, *pods, pod("pod-9", stats=good.address))
        async with scraping(cluster, tracked) as scraper:
            await until(lambda: good.asked >= 1 and scraper.failures["connect"] >= 9)
            await until(lambda: "pod-9" in tracked.collector.pods_heard_at)


async def test_all_pods_are_asked_before_a_shrink() -> None:
    cluster, tracked = FakeCluster(), tracked_revision()
    tracked.asked_pods = 10
    tracked.settle(idle_plan(), OBSERVED, 0.0)
    async with AsyncExitStack() as servers:
        pods = []
        for index in range(10):
            # No sum over a sample of seven comes to what all ten make.
            serving = stat_server(f"pod-{index}", 2.0**index)
            server = await servers.enter_async_context(serving)
            pods.append(pod(f"pod-{index}", stats=server.address))
        cluster.put_pods(IRIS, *pods)
        async with scraping(cluster, tracked):
            await until(lambda: tracked.collector.last_second(monotonic()) == SecondOfLoad(1023, 0))


async def test_beyond_the_most_open_nobody_is_asked_and_who_is_not_asked_is_silent() -> None:
    cluster, tracked = FakeCluster(), tracked_revision()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server, stat_server("b", 1) as good:
        hung = Address("127.0.0.1", server.sockets[0].getsockname()[1])
        cluster.put_pods(IRIS, pod("a", stats=hung), pod("b", stats=good.address))
        async with scraping(cluster, tracked, most_open=1) as scraper:
            await until(lambda: scraper.failures["skipped"] >= 1)
            assert scraper.pods_asked == 1
        assert good.asked == 0
