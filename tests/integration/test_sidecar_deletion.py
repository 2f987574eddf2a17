"""Pods that go away under constant load on kept-alive connections lose no request."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
import pytest

from activator.app import Activator
from activator.config import Config as ActivatorConfig
from inflight.local.guard_link import GuardLink
from inflight.local.local_cluster import LocalCluster
from inflight.local.node import HOST, Node
from inflight.local.ports import pod_ports
from inflight.local.settings import LocalSettings, RevisionSettings
from servingkit.clock import monotonic
from servingkit.core.revision import Mode, PodState, RevisionId
from servingkit.http1.client import HttpClient
from servingkit.http1.engine import Engine
from tests.polling import until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.asyncio,
    pytest.mark.timeout(300),
]

IRIS = RevisionId("default", "iris")
FEWEST, MOST, ROUNDS = 2, 6, 5  # 20 deletions
CLIENTS = 8
QUIET_S = 30.0
"""Far more than a deletion may take: only acknowledged removal ends a pod sooner."""

REVISION = RevisionSettings(
    id=IRIS,
    command=(sys.executable, "-m", "loadtest.sleeper"),
    command_key="COMMAND",
    port=0,
    timeout_s=60,
    container_concurrency=10,
)


@asynccontextmanager
async def cluster_with_activator(folder: Path) -> AsyncIterator[LocalCluster]:
    events: list[object] = []
    with closing(GuardLink()) as guard:
        async with Engine() as engine, asyncio.TaskGroup() as tasks:
            node = Node(
                client=HttpClient(engine),
                guard=guard,
                ports=pod_ports(),
                environment=os.environ,
                log_directory=folder,
                drain_quiet_s=QUIET_S,
                report=events.append,
            )
            cluster = LocalCluster(LocalSettings(revisions=(REVISION,), endpoint_lag_s=0.3), node)
            config = ActivatorConfig(
                name="activator-1",
                listen_host=HOST,
                autoscaler_url=f"ws://{HOST}:9",  # nobody: the test asks for pods by hand
                port=0,
                metrics_port=0,
                grace_period_s=1.0,
            )
            activator = Activator(config, engine, cluster, cluster)
            listening, holding = asyncio.Event(), asyncio.Event()
            tasks.create_task(cluster.run(listening))
            activating = tasks.create_task(activator.run(holding))
            await listening.wait()
            await holding.wait()
            try:
                yield cluster
            finally:
                activating.cancel()
                cluster.stop(grace_s=3)


async def post_for_ever(url: str, outcomes: Counter[str]) -> None:
    """Send requests that no client library sends twice, one after the other."""
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.post(url, params={"sleep": "5"}, data=b"x") as answer:
                    await answer.read()
                    outcomes[str(answer.status)] += 1
            except aiohttp.ClientError as error:
                outcomes[repr(error)] += 1


@pytest.mark.parametrize("mode", list(Mode))
async def test_no_request_is_lost_while_twenty_pods_go_away(tmp_path: Path, mode: Mode) -> None:
    outcomes: Counter[str] = Counter()
    slowest_s = 0.0
    async with cluster_with_activator(tmp_path) as cluster:

        def states() -> list[PodState]:
            return [pod.state for pod in cluster.pods(IRIS)]

        async def scale(replicas: int) -> None:
            await cluster.set_scale(IRIS, replicas)
            await until(lambda: states() == [PodState.READY] * replicas)

        await scale(FEWEST)
        await cluster.publish(IRIS, mode, 2)
        clients = [
            asyncio.ensure_future(post_for_ever(cluster.url(IRIS), outcomes))
            for _ in range(CLIENTS)
        ]
        await until(lambda: outcomes["200"] > 2 * CLIENTS)
        for _ in range(ROUNDS):
            await scale(MOST)
            for replicas in range(MOST - 1, FEWEST - 1, -1):
                deleted_at = monotonic()
                await scale(replicas)
                slowest_s = max(slowest_s, monotonic() - deleted_at)
        for client in clients:
            client.cancel()
        await asyncio.wait(clients)
    assert set(outcomes) == {"200"}
    assert slowest_s < QUIET_S / 2
