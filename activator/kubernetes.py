"""The activator on Kubernetes: what it sees of the cluster, and its life as a pod.

It reads private Services and their EndpointSlices, and nothing else. It begins to serve once it has
seen all of them, so that every revision's port listens before its readiness probe passes; from then
on it does not need the API to go on serving.
"""

import asyncio

from activator.app import Activator
from activator.config import Config
from servingkit.cluster.kubernetes.access import ApiAccess
from servingkit.cluster.kubernetes.api import ApiClient
from servingkit.cluster.kubernetes.core.names import PRIVATE, SERVICE_ROLE
from servingkit.cluster.kubernetes.core.objects import EndpointSlice, ServiceObject
from servingkit.cluster.kubernetes.core.resource import ENDPOINT_SLICES, SERVICES
from servingkit.cluster.kubernetes.pod_cache import PodCache
from servingkit.cluster.kubernetes.reflector import Reflector, Reflectors
from servingkit.cluster.kubernetes.revision_cache import RevisionCache
from servingkit.http1.engine import Engine
from servingkit.stop_signals import stop_at_signals

_OUR_SERVICES = f"{SERVICE_ROLE}={PRIVATE}"
"""The label of private Services; Kubernetes puts it on their slices as well."""


class KubernetesView:
    """Revisions and pods as the API shows them."""

    def __init__(self, api: ApiClient) -> None:
        services = Reflector(api, ServiceObject, SERVICES, selector=_OUR_SERVICES)
        slices = Reflector(api, EndpointSlice, ENDPOINT_SLICES, selector=_OUR_SERVICES)
        self.revisions = RevisionCache(services)
        self.pods = PodCache(services, slices)
        self.caches = Reflectors(services, slices)

    def __repr__(self) -> str:
        return f"<KubernetesView {self.revisions!r} {self.pods!r}>"


async def run(config: Config, access: ApiAccess) -> None:
    """Serve until SIGTERM or SIGINT, then drain. A second signal ends at once.

    Raises ConfigError for its host or a port of its own that cannot be had, and OSError without
    credentials.
    """
    stopping = stop_at_signals()
    async with ApiClient(access) as api, Engine() as engine, asyncio.TaskGroup() as tasks:
        view = KubernetesView(api)
        following = tasks.create_task(view.caches.run())
        synced = tasks.create_task(view.caches.synced())
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
