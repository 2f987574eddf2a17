"""Asks ready pods for their stats each second: `GET /metrics` of the sidecar, a `Stat` in protobuf.

Of a revision with many pods a sample is asked, and another pod stands in for one that does not
answer. A pod is asked again only when it has answered or its time is up, so that a hung one costs
one open request and delays nobody else. Answers count for the second in which they were asked for.
"""

import asyncio
import logging
import math
from collections.abc import Iterator, Mapping

from autoscaler.core.sampling import by_silence, sample_size
from autoscaler.tracked_revision import TrackedRevision
from servingkit.clock import monotonic
from servingkit.cluster.protocols import Pods
from servingkit.core.revision import Pod, PodState, RevisionId
from servingkit.core.stat import Stat
from servingkit.http1.client import FetchError, HttpClient
from servingkit.stat_wire import StatDecodeError, decode_stat

_log = logging.getLogger(__name__)

_TIMEOUT_S = 3.0
_OK = 200
_MOST_STAT_BYTES = 336
"""Six numbers of 10 bytes, a name of 256, and 20 more; Knative's limit."""


class Scraper:
    """Fills the collectors of all tracked revisions from their pods."""

    def __init__(
        self, client: HttpClient, pods: Pods, tracked: Mapping[RevisionId, TrackedRevision]
    ) -> None:
        self._client = client
        self._pods = pods
        self._tracked = tracked
        self._asking: set[str] = set()
        self.failures = 0
        """Pods asked that gave no usable answer, since the start."""

    def __repr__(self) -> str:
        return f"<Scraper {len(self._asking)} pods being asked, {self.failures} failures>"

    async def run(self) -> None:
        """Ask each second, until cancelled."""
        async with asyncio.TaskGroup() as group:
            # Rounds are whole seconds apart by count, not by waking up: no second has two. Those
            # that a stalled machine missed are left out.
            asked_at = monotonic()
            while True:
                for tracked in self._tracked.values():
                    self._ask(group, tracked, asked_at)
                asked_at += max(1, math.ceil(monotonic() - asked_at))
                await asyncio.sleep(asked_at - monotonic())

    def _ask(self, group: asyncio.TaskGroup, tracked: TrackedRevision, asked_at: float) -> None:
        pods = self._pods.pods(tracked.revision.id)
        ready = [pod for pod in pods if pod.state is PodState.READY]
        tracked.collector.forget_pods(frozenset(pod.name for pod in ready))
        size = sample_size(len(ready))
        candidates = iter(by_silence(ready, tracked.collector.pods_heard_at))
        for _ in range(size):
            group.create_task(
                self._ask_until_answered(
                    tracked, candidates, asked_at=asked_at, weight=len(ready) / size
                )
            )

    async def _ask_until_answered(
        self,
        tracked: TrackedRevision,
        candidates: Iterator[Pod],
        *,
        asked_at: float,
        weight: float,
    ) -> None:
        for pod in candidates:
            if pod.name in self._asking:
                continue
            self._asking.add(pod.name)
            try:
                stat = await self._fetch(pod)
            except (FetchError, StatDecodeError):
                # Silence is what counts, and the plan names who is silent.
                self.failures += 1
                continue
            except Exception:  # noqa: BLE001 -- the supervisor; one pod must not stop all
                self.failures += 1
                _log.exception("scrape failed", extra={"pod": pod.name})
                continue
            finally:
                self._asking.discard(pod.name)
            tracked.collector.record_pod(
                stat, asked_at=asked_at, heard_at=monotonic(), weight=weight
            )
            return

    async def _fetch(self, pod: Pod) -> Stat:
        answer = await self._client.fetch(pod.stats, b"GET", b"/metrics", timeout_s=_TIMEOUT_S)
        if answer.status != _OK or len(answer.body) > _MOST_STAT_BYTES:
            reason = f"status {answer.status}, {len(answer.body)} bytes"
            raise StatDecodeError(reason)
        stat = decode_stat(answer.body)
        if stat.pod_name != pod.name:
            # Its address may belong to another pod by now.
            reason = f"{stat.pod_name!r} answered for {pod.name!r}"
            raise StatDecodeError(reason)
        return stat
