"""An activator in the test's own process, before one sidecar."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from activator.app import Activator
from activator.config import Config
from servingkit.core.revision import Address, Revision, RevisionId
from servingkit.http1.engine import Engine
from tests.fakes.cluster import FakeCluster, pod
from tests.integration.programs import RunningSidecar
from tests.ports import free_port

_HOST = "127.0.0.1"
_CHAT = RevisionId("default", "chat")


@asynccontextmanager
async def activator_before(proxy: RunningSidecar) -> AsyncIterator[Address]:
    """Run an activator whose one pod has this sidecar; the port of the revision."""
    cluster = FakeCluster()
    port = free_port()
    cluster.put_revision(Revision(id=_CHAT, uid="1", activator_port=port))
    cluster.put_pods(_CHAT, pod("chat-1", serving=Address(_HOST, proxy.serving_port)))
    config = Config(
        name="a",
        listen_host=_HOST,
        autoscaler_url=f"ws://{_HOST}:1",
        port=0,
        metrics_port=0,
    )
    started = asyncio.Event()
    async with Engine() as engine, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(Activator(config, engine, cluster, cluster).run(started))
        await started.wait()
        yield Address(_HOST, port)
        running.cancel()
