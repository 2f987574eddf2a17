"""The autoscaler as a pod: wired to the API, led by a Lease, and ended in order.

Every replica follows the cluster, takes the activators' stats and decides; only the leader writes.
So a new leader has full windows. On SIGTERM the loops end first, then the Lease is given back.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

from autoscaler.app import Autoscaler, Cluster
from autoscaler.config import Config
from autoscaler.core.defaults import Defaults
from autoscaler.kubernetes.adoption import Adoption
from autoscaler.kubernetes.event_recorder import EventRecorder
from autoscaler.kubernetes.leadership import Leadership
from autoscaler.kubernetes.public_endpoints import PublicSlices
from autoscaler.kubernetes.revision_keeper import RevisionKeeper, Writers
from autoscaler.kubernetes.scale_writer import ScaleWriter
from autoscaler.kubernetes.service_index import ServiceIndex
from autoscaler.kubernetes.service_writer import ServiceWriter
from autoscaler.kubernetes.settings import KubernetesSettings
from autoscaler.kubernetes.slice_writer import SliceWriter
from autoscaler.kubernetes.state_store import StateStore
from autoscaler.kubernetes.view import KubernetesView
from autoscaler.pod_stat import fetch_stat
from servingkit.cluster.kubernetes.api import ApiClient
from servingkit.core.revision import Pod, RevisionId
from servingkit.http1.client import FetchError, HttpClient
from servingkit.http1.engine import Engine
from servingkit.stat_wire import StatDecodeError
from servingkit.stop_signals import stop_at_signals


class KubernetesCluster:
    """The Kubernetes side of all seams, and what keeps revisions."""

    def __init__(
        self,
        api: ApiClient,
        settings: KubernetesSettings,
        config: Config,
        client: HttpClient,
    ) -> None:
        self.view = KubernetesView(api, settings, config.defaults)
        self.leadership = Leadership(api, settings)
        index = ServiceIndex(self.view.services)
        slices = SliceWriter(api, self.view.slices, self.leadership)
        events = EventRecorder(api, settings.pod_name)
        endpoints = PublicSlices(self.view, slices, self.leadership)
        scale = ScaleWriter(api, self.view, self.leadership, partial(_concurrency_of, client))
        writers = Writers(
            services=ServiceWriter(api, self.view, index, self.leadership),
            adoption=Adoption(api, self.leadership, slices, events),
            endpoints=endpoints,
            scale=scale,
            events=events,
        )
        self.keeper = RevisionKeeper(api, client, self.view, index, self.leadership, writers)
        self._endpoints = endpoints
        self._events = events
        self.seams = Cluster(
            revisions=self.view.revisions,
            pods=self.view.pods,
            scale=scale,
            public_endpoints=endpoints,
            activators=self.view,
            states=StateStore(api, self.view.services, self.leadership),
            leads=self.leadership.leads,
            warn=self._warn,
        )

    def set_defaults(self, defaults: Defaults) -> None:
        """Take what holds for revisions that do not say otherwise."""
        self.view.defaults = defaults
        self.keeper.look_at_all()

    async def keep(self) -> None:
        """Keep revisions and their endpoints until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.keeper.run())
            tasks.create_task(self._endpoints.queue.run())

    async def _warn(self, revision: RevisionId, reason: str, message: str) -> None:
        found = self.view.workloads.find(revision)
        if found is not None:
            await self._events.warn(found[0], reason, message)


async def run(config: Config, settings: KubernetesSettings) -> None:
    """Scale until SIGTERM or SIGINT. A second signal ends at once.

    Raises ConfigError for a host or port that cannot be had, and OSError without credentials.
    """
    await scale_until(stop_at_signals(), config, settings)


async def scale_until(
    stopping: asyncio.Event, config: Config, settings: KubernetesSettings
) -> None:
    """Scale until `stopping` is set, and then end in order."""
    async with connect(config, settings) as cluster, asyncio.TaskGroup() as tasks:
        following = tasks.create_task(cluster.view.caches.run())
        stopped = tasks.create_task(stopping.wait())
        synced = tasks.create_task(cluster.view.caches.synced())
        await asyncio.wait([synced, stopped], return_when=asyncio.FIRST_COMPLETED)
        if synced.done():
            autoscaler = Autoscaler(config, cluster.seams)
            autoscaler.on_defaults_change(cluster.set_defaults)
            leading = tasks.create_task(cluster.leadership.run())
            working = [
                tasks.create_task(autoscaler.run()),
                tasks.create_task(cluster.keep()),
            ]
            await stopped
            for task in working:
                task.cancel()
            await asyncio.wait(working)
            leading.cancel()
            await asyncio.wait([leading])
        synced.cancel()
        following.cancel()


@contextlib.asynccontextmanager
async def connect(config: Config, settings: KubernetesSettings) -> AsyncIterator[KubernetesCluster]:
    """Yield the cluster, not yet followed."""
    async with ApiClient(settings.access) as api, Engine() as engine:
        yield KubernetesCluster(api, settings, config, HttpClient(engine))


async def _concurrency_of(client: HttpClient, pod: Pod) -> float | None:
    """Return how many requests are in a pod; None: it does not say."""
    try:
        stat = await fetch_stat(client, pod)
    except (FetchError, StatDecodeError):
        return None
    return stat.average_concurrent_requests
