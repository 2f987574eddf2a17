"""The activator on Kubernetes: what it sees of the cluster, and its life as a pod.

It reads private Services and their EndpointSlices, and nothing else. It begins to serve once it has
seen all of them, so that every revision's port listens before its readiness probe passes; from then
on it does not need the API to go on serving.
"""

import asyncio
import logging
import signal

from activator.app import Activator
from activator.config import Config
from servingkit.cluster.kubernetes.access import ApiAccess
from servingkit.cluster.kubernetes.api import ApiClient
from servingkit.cluster.kubernetes.core.names import PRIVATE, SERVICE_ROLE
from servingkit.cluster.kubernetes.core.objects import EndpointSlice, ServiceObject
from servingkit.cluster.kubernetes.core.resource import ENDPOINT_SLICES, SERVICES
from servingkit.cluster.kubernetes.pod_cache import PodCache
from servingkit.cluster.kubernetes.reflector import Reflector
from servingkit.cluster.kubernetes.revision_cache import RevisionCache
from servingkit.http1.engine import Engine

_log = logging.getLogger(__name__)

_OUR_SERVICES = f"{SERVICE_ROLE}={PRIVATE}"
"""The label of private Services; Kubernetes puts it on their slices as well."""


class KubernetesView:
    """Revisions and pods as the API shows them."""

    def __init__(self, api: ApiClient) -> None:
        services = Reflector(api, ServiceObject, SERVICES, selector=_OUR_SERVICES)
        slices = Reflector(api, EndpointSlice, ENDPOINT_SLICES, selector=_OUR_SERVICES)
        self.revisions = RevisionCache(services)
        self.pods = PodCache(services, slices)
        self._reflectors = (services, slices)

    def __repr__(self) -> str:
        return f"<KubernetesView {self.revisions!r} {self.pods!r}>"

    async def run(self) -> None:
        """Follow the API until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for reflector in self._reflectors:
                tasks.create_task(reflector.run())

    async def synced(self) -> None:
        """Wait until everything has been seen once."""
        for reflector in self._reflectors:
            await reflector.synced.wait()


async def run(config: Config, access: ApiAccess) -> None:
    """Serve until SIGTERM or SIGINT, then drain. A second signal ends at once.

    Raises OSError for a port of its own that cannot be had, and without credentials.
    """
    stopping = _stop_at_signals()
    async with ApiClient(access) as api, Engine() as engine, asyncio.TaskGroup() as tasks:
        view = KubernetesView(api)
        following = tasks.create_task(view.run())
        synced = tasks.create_task(view.synced())
        stopped = tasks.create_task(stopping.wait())
        await asyncio.wait([synced, stopped], return_when=asyncio.FIRST_COMPLETED)
        if not stopping.is_set():
            activator = Activator(config, engine, view.revisions, view.pods)
            serving = tasks.create_task(activator.run())
            await stopped
            activator.stop()
            await serving
        synced.cancel()
        following.cancel()


def _stop_at_signals() -> asyncio.Event:
    """Return an event that the first SIGTERM or SIGINT sets; the next one kills."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    signals = (signal.SIGTERM, signal.SIGINT)

    def stop() -> None:
        _log.info("stopping")
        stopping.set()
        for number in signals:
            loop.remove_signal_handler(number)

    for number in signals:
        loop.add_signal_handler(number, stop)
    return stopping
