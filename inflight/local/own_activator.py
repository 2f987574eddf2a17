"""The one activator that shares the process of `inflight local`."""

import asyncio
from collections.abc import Callable

from activator.app import Activator
from activator.config import Config
from activator.core.drain import DrainTimes
from inflight.local.activator_place import ActivatorPlace
from inflight.local.activator_process import ActivatorSettings
from inflight.local.local_cluster import LocalCluster
from inflight.local.node import HOST
from servingkit.core.revision import RevisionId
from servingkit.http1.engine import Engine

_NAME = "activator-local"


class OwnActivator:
    """Runs it, and tells when it is ready. Counterpart for several: `ActivatorSet`."""

    def __init__(
        self,
        settings: ActivatorSettings,
        engine: Engine,
        cluster: LocalCluster,
        on_change: Callable[[tuple[ActivatorPlace, ...]], None],
    ) -> None:
        config = Config(
            name=_NAME,
            listen_host=HOST,
            autoscaler_url=settings.autoscaler_url,
            port=0,
            metrics_port=0,
            grace_period_s=settings.grace_period_s,
            refuse_before_end_s=settings.refuse_before_end_s,
            drain_quiet_s=settings.drain_quiet_s,
        )
        self._activator = Activator(config, engine, cluster, cluster, cluster)
        self._on_change = on_change

    def __repr__(self) -> str:
        return f"<OwnActivator {self._activator!r}>"

    async def run(self, started: asyncio.Event) -> None:
        """Serve until stopped."""
        async with asyncio.TaskGroup() as tasks:
            listening = asyncio.Event()
            tasks.create_task(self._activator.run(listening))
            await listening.wait()
            ports = self._activator.port, self._activator.metrics_port
            self._on_change((ActivatorPlace(_NAME, HOST, *ports),))
            started.set()

    def stop(self, times: DrainTimes) -> None:
        """End in order; `run` then returns."""
        self._activator.stop(times)

    def held_requests(self, revision: RevisionId) -> int:
        """Return how many requests wait for a pod of a revision."""
        return self._activator.held_requests(revision)
