"""Undoes everything in the cluster, before the autoscaler is uninstalled (a Helm pre-delete hook).

The autoscaler's own Deployment is scaled to zero first, so that nobody does it all again; then the
Lease is had in the ordinary way. Workloads keep their replicas; those at zero get one pod.
"""

import asyncio
import logging

from autoscaler.config import Config
from autoscaler.kubernetes.program import KubernetesCluster, connect
from autoscaler.kubernetes.settings import KubernetesSettings
from servingkit.cluster.kubernetes.api import ApiClient
from servingkit.cluster.kubernetes.core.resource import DEPLOYMENTS, LEASES
from servingkit.cluster.protocols import ClusterError

_log = logging.getLogger(__name__)

_PAUSE_S = 1.0


async def run(config: Config, settings: KubernetesSettings) -> None:
    """Release every revision, and return when none is left."""
    async with ApiClient(settings.access) as api:
        await _end_the_others(api, settings)
        async with connect(config, settings) as cluster, asyncio.TaskGroup() as tasks:
            following = tasks.create_task(cluster.view.caches.run())
            leading = tasks.create_task(cluster.leadership.run())
            await cluster.view.caches.synced()
            while not cluster.leadership.leads():  # noqa: ASYNC110 -- there is nothing else to do
                await asyncio.sleep(_PAUSE_S)
            await _release_all(cluster)
            leading.cancel()
            await asyncio.wait([leading])
            following.cancel()
        await api.delete(LEASES, settings.namespace, settings.lease_name)


async def _end_the_others(api: ApiClient, settings: KubernetesSettings) -> None:
    if settings.own_deployment:
        where = (DEPLOYMENTS, settings.namespace, settings.own_deployment)
        await api.patch(*where, {"spec": {"replicas": 0}}, subresource="scale")
        _log.info("autoscaler ended", extra={"deployment": settings.own_deployment})


async def _release_all(cluster: KubernetesCluster) -> None:
    """Go on until everything is released: a call that fails is tried again."""
    while left := [one for one in cluster.keeper.all_known() if cluster.keeper.has_traces(one)]:
        for revision in left:
            try:
                await cluster.keeper.release(revision)
            except ClusterError as error:
                facts = {"revision": str(revision), "reason": str(error)}
                _log.warning("not released yet", extra=facts)
        await asyncio.sleep(_PAUSE_S)
