"""Asks ready pods for their models' own metrics, for revisions that scale by them.

Every two seconds the Prometheus page of each ready pod is fetched: the sidecar's, with the model's
metrics merged in, or the model's own on another port of the pod. What did not come in time is left
out of that round, so that a hung pod costs only itself; a revision is asked again when its last
round is over.
"""

import asyncio
import logging
import math
from collections.abc import Mapping

from autoscaler.core.model_metrics import ModelMetricHistory, read_page
from autoscaler.tracked_revision import TrackedRevision
from servingkit.clock import monotonic
from servingkit.cluster.protocols import Pods
from servingkit.core.revision import Address, Pod, PodState, RevisionId
from servingkit.http1.client import FetchError, HttpClient

_log = logging.getLogger(__name__)

_ROUND_S = 2.0
_TIMEOUT_S = 1.5
_OK = 200
_MOST_OPEN = 256
"""Pages being fetched at the same time, of all revisions."""

Page = Mapping[str, float]


class ModelMetricsScraper:
    """Fills the histories of all tracked revisions that have one."""

    def __init__(
        self, client: HttpClient, pods: Pods, tracked: Mapping[RevisionId, TrackedRevision]
    ) -> None:
        self._client = client
        self._pods = pods
        self._tracked = tracked
        self._reading: set[RevisionId] = set()
        self._open = asyncio.Semaphore(_MOST_OPEN)

    def __repr__(self) -> str:
        return f"<ModelMetricsScraper {len(self._reading)} revisions being read>"

    async def run(self) -> None:
        """Ask until cancelled."""
        async with asyncio.TaskGroup() as group:
            round_at = monotonic()
            while True:
                for revision_id, tracked in self._tracked.items():
                    history = tracked.model_metrics
                    if history is not None and revision_id not in self._reading:
                        self._reading.add(revision_id)
                        group.create_task(self._read(revision_id, tracked, history))
                round_at += _ROUND_S * max(1, math.ceil((monotonic() - round_at) / _ROUND_S))
                await asyncio.sleep(round_at - monotonic())

    async def _read(
        self, revision_id: RevisionId, tracked: TrackedRevision, history: ModelMetricHistory
    ) -> None:
        """Ask all ready pods of one revision, and add what they said."""
        try:
            pods = self._pods.pods(revision_id)
            ready = [pod for pod in pods if pod.state is PodState.READY]
            names = [metric.name for metric in history.metrics]
            pages = await asyncio.gather(*(self._page(tracked, pod, names) for pod in ready))
            found = {
                pod.name: page for pod, page in zip(ready, pages, strict=True) if page is not None
            }
            window_s = tracked.settings.stable_window_s
            history.record(found, len(ready), window_s, monotonic())
        except Exception:  # noqa: BLE001 -- the supervisor; one revision must not stop all
            _log.exception("model metrics failed", extra={"revision": str(revision_id)})
        finally:
            self._reading.discard(revision_id)

    async def _page(self, tracked: TrackedRevision, pod: Pod, names: list[str]) -> Page | None:
        """Return the numbers on a pod's page; None when it has none to be read."""
        additions = tracked.settings.additions
        port = additions.metrics_port
        address = Address(pod.stats.host, port) if port else pod.metrics
        if address is None:
            return None
        target = additions.metrics_path.encode()
        async with self._open:
            try:
                answer = await self._client.fetch(address, b"GET", target, timeout_s=_TIMEOUT_S)
            except FetchError as error:
                facts = {"pod": pod.name, "reason": str(error)}
                _log.debug("model metrics absent", extra=facts)
                return None
        return read_page(answer.body, names) if answer.status == _OK else None
