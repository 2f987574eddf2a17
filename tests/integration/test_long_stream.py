"""A long event stream through activator and sidecar: what it outlives, and how it gives way."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from autoscaler.app import Autoscaler, Cluster
from autoscaler.config import Config
from loadtest.bench_activator.rig import PodSeat, Rig, rig, until_listening
from servingkit.core.revision import PodState
from tests.fakes.cluster import FakeCluster
from tests.inflight.local_process import one_revision
from tests.integration.programs import process
from tests.polling import is_running, until
from tests.ports import free_port

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

REACHABLE = "kn_activator_stats_conn_reachable"


@asynccontextmanager
async def autoscaler(stat_port: int) -> AsyncIterator[None]:
    """Run an autoscaler that takes the activator's stats and has nothing to scale."""
    config = Config(listen_host="127.0.0.1", stat_port=stat_port, api_port=0, metrics_port=0)
    cluster = FakeCluster()
    started = asyncio.Event()
    program = Autoscaler(
        config,
        Cluster(
            revisions=cluster,
            pods=cluster,
            scale=cluster,
            public_endpoints=cluster,
            activators=cluster,
            states=cluster,
        ),
    )
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(program.run(started))
        await started.wait()
        yield
        running.cancel()


@asynccontextmanager
async def pod_with_events(place: Rig) -> AsyncIterator[PodSeat]:
    """Add a pod whose model streams events."""
    port = free_port()
    with process("tests.integration.event_model", environ={"PORT": str(port)}):
        await until_listening(port)
        pod = await place.add_pod(port)
        await until_listening(pod.port)
        yield pod


async def reachable(place: Rig, expected: float) -> None:
    async with asyncio.timeout(60):
        while await place.metric(REACHABLE) != expected:  # noqa: ASYNC110 -- a poll
            await asyncio.sleep(0.05)


async def open_streams(model_port: int) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{model_port}/streams") as answer,
    ):
        return int(await answer.json())


async def read_events(answer: aiohttp.ClientResponse, seen: list[int]) -> None:
    async for line in answer.content:
        if line.startswith(b"data: "):
            seen.append(int(line[6:]))  # noqa: PERF401 -- whoever waits looks at each


async def stream_outlives_everything(folder: Path, seconds: float, period_ms: int) -> None:
    """Open a stream; restart the autoscaler, drain its pod, scale it away; it ends whole."""
    stat_port = free_port()
    count = round(seconds * 1000 / period_ms)
    url = f"ws://127.0.0.1:{stat_port}"
    async with (
        rig(folder / "rig", None, 2, autoscaler_url=url) as place,
        pod_with_events(place) as pod,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session,
        asyncio.TaskGroup() as tasks,
    ):
        await place.show([pod])
        seen: list[int] = []
        async with autoscaler(stat_port):
            await reachable(place, 1)
            target = f"http://127.0.0.1:{place.port}/?count={count}&period_ms={period_ms}"
            answer = await session.get(target)
            assert answer.status == 200
            reading = tasks.create_task(read_events(answer, seen))
            await until(lambda: len(seen) >= 3)
        await reachable(place, 0)
        async with autoscaler(stat_port):
            await reachable(place, 1)
            before = len(seen)
            os.kill(pod.pid, signal.SIGTERM)  # the sidecar drains
            await place.show([pod], PodState.TERMINATING)
            await until(lambda: len(seen) > before)
            await place.show([])  # and is gone for everybody
            before = len(seen)
            await until(lambda: len(seen) > before)
            assert is_running(pod.pid)
            await reading  # its clean end; a reset would be a ClientPayloadError
            assert seen == list(range(count))
            await until(lambda: not is_running(pod.pid))


async def test_a_stream_outlives_scale_down_drain_and_an_autoscaler_restart(
    tmp_path: Path,
) -> None:
    await stream_outlives_everything(tmp_path, seconds=10, period_ms=50)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_five_minute_stream_outlives_them_too(tmp_path: Path) -> None:
    await stream_outlives_everything(tmp_path, seconds=300, period_ms=250)


async def test_a_client_that_leaves_its_stream_frees_the_slot(tmp_path: Path) -> None:
    async with (
        rig(tmp_path / "rig", None, 1) as place,
        pod_with_events(place) as pod,
        aiohttp.ClientSession() as session,
        asyncio.TaskGroup() as tasks,
    ):
        await place.show([pod])
        url = f"http://127.0.0.1:{place.port}"
        stream = await session.get(f"{url}/?count=100000&period_ms=20")
        assert stream.status == 200

        async def next_one() -> int:
            async with session.get(f"{url}/") as answer:
                return answer.status

        waiting = tasks.create_task(next_one())
        await place.until_held(1)
        stream.close()
        async with asyncio.timeout(60):
            assert await waiting == 200
            while await open_streams(pod.model_port):  # noqa: ASYNC110 -- a poll
                await asyncio.sleep(0.05)


async def test_streams_outlive_the_scale_down_of_the_whole_loop() -> None:
    command = f"{sys.executable} -m tests.integration.event_model"
    quick = ("--window=6s", "--scale-to-zero-grace-period=1s", "--target=10", "--max-scale=2")
    async with (
        one_revision(*quick, "--container-concurrency=40", command=command) as local,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session,
        asyncio.TaskGroup() as tasks,
    ):
        url = f"{local.url}/?count=100000&period_ms=50"

        async def stream(seen: list[int]) -> None:
            async with session.get(url) as answer:
                await read_events(answer, seen)

        short: list[list[int]] = [[] for _ in range(14)]  # bring a second pod
        long: list[list[int]] = [[] for _ in range(4)]  # one pod would do for these
        short_tasks = [tasks.create_task(stream(seen)) for seen in short]
        await local.reaches(lambda status: status["ready_pods"] == 2)
        long_tasks = [tasks.create_task(stream(seen)) for seen in long]
        await until(lambda: all(long))
        for task in short_tasks:
            task.cancel()
        await until(lambda: local.named("pod terminating"), within_s=90)
        before = [len(seen) for seen in long]
        await until(
            lambda: all(len(seen) > count + 20 for seen, count in zip(long, before, strict=True)),
        )
        assert not local.named("pod gone")
        for task in long_tasks:
            task.cancel()
        await until(lambda: local.named("pod gone"))  # drained by its clients' leaving
        assert not local.named("pod killed")
        assert all(seen == list(range(len(seen))) for seen in long)
