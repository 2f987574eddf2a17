"""Asks ready pods for their stats each second: `GET /metrics` of the sidecar, a `Stat` in protobuf.

Of a revision with many pods a sample is asked, and another pod stands in for one that does not
answer; while fewer pods are wanted than there are, all are asked, since which of them is idle must
be known then. The asking is spread over the second, and whatever is asked in the course of it
counts for it. A pod is asked again only when it has answered or its time is up, so that a hung one
costs one open request and delays nobody else.
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from autoscaler.core.sampling import by_silence, sample_size
from autoscaler.pod_stat import fetch_stat
from autoscaler.tracked_revision import TrackedRevision
from servingkit.clock import monotonic
from servingkit.cluster.protocols import Pods
from servingkit.core.histogram import Histogram
from servingkit.core.revision import Pod, PodState, RevisionId
from servingkit.core.stat import Stat
from servingkit.http1.client import FetchError, HttpClient
from servingkit.stat_wire import StatDecodeError

_log = logging.getLogger(__name__)

_SLOTS: Final = 50
"""Parts of a second; each has its share of the revisions."""

MOST_OPEN: Final = 4000
"""Pods being asked at the same time. Beyond that nobody is asked; who is not asked is silent."""


class Scraper:
    """Fills the collectors of all tracked revisions from their pods."""

    def __init__(
        self,
        client: HttpClient,
        pods: Pods,
        tracked: Mapping[RevisionId, TrackedRevision],
        *,
        most_open: int = MOST_OPEN,
    ) -> None:
        self._client = client
        self._pods = pods
        self._tracked = tracked
        self._most_open = most_open
        self._asking: set[str] = set()
        self.durations = Histogram()
        """How long usable answers took."""

        self.failures: Counter[str] = Counter()
        """Pods asked that gave no usable answer, and those not asked (`skipped`), by reason."""

    def __repr__(self) -> str:
        return f"<Scraper {len(self._asking)} pods being asked, {self.failures.total()} failures>"

    @property
    def pods_asked(self) -> int:
        """How many pods are being asked now."""
        return len(self._asking)

    async def run(self) -> None:
        """Ask each second, until cancelled."""
        async with asyncio.TaskGroup() as group:
            second = math.floor(monotonic())
            while True:
                await self._ask_all(group, second)
                # By count and not by waking up: no second has two rounds. Those that a stalled
                # machine missed are left out.
                second = max(second + 1, math.floor(monotonic()))

    async def _ask_all(self, group: asyncio.TaskGroup, second: int) -> None:
        """Ask for one second, in the course of it."""
        revisions = tuple(self._tracked.values())
        for slot in range(_SLOTS):
            first, end = (math.ceil(part * len(revisions) / _SLOTS) for part in (slot, slot + 1))
            for tracked in revisions[first:end]:
                self._ask(group, tracked, second)
            await asyncio.sleep(second + (slot + 1) / _SLOTS - monotonic())

    def _ask(self, group: asyncio.TaskGroup, tracked: TrackedRevision, second: int) -> None:
        pods = self._pods.pods(tracked.revision.id)
        ready = [pod for pod in pods if pod.state is PodState.READY]
        collector = tracked.collector
        if collector.pods_heard_at:
            collector.forget_pods(frozenset(pod.name for pod in ready))
        if not ready:
            return
        size = len(ready) if tracked.is_shrinking else sample_size(len(ready))
        weight = len(ready) / size
        candidates = iter(by_silence(ready, collector.pods_heard_at))
        left_s = max(0.0, second + 1 - monotonic())
        for number in range(size):
            group.create_task(
                self._ask_until_answered(
                    tracked, candidates, second, weight=weight, after_s=left_s * number / size
                )
            )

    async def _ask_until_answered(
        self,
        tracked: TrackedRevision,
        candidates: Iterator[Pod],
        second: int,
        *,
        weight: float,
        after_s: float,
    ) -> None:
        if after_s > 0:
            await asyncio.sleep(after_s)
        for pod in candidates:
            if pod.name in self._asking:
                continue
            if len(self._asking) >= self._most_open:
                self.failures["skipped"] += 1
                return
            stat = await self._ask_pod(pod)
            if stat is not None:
                tracked.collector.record_pod(
                    stat, second=second, heard_at=monotonic(), weight=weight
                )
                return

    async def _ask_pod(self, pod: Pod) -> Stat | None:
        """Return a pod's stat; None when it has no usable one: then silence is what counts."""
        self._asking.add(pod.name)
        asked_at = monotonic()
        try:
            stat = await fetch_stat(self._client, pod)
        except FetchError as error:
            self.failures[error.reason.value] += 1
        except StatDecodeError:
            self.failures["no-stat"] += 1
        except Exception:  # noqa: BLE001 -- the supervisor; one pod must not stop all
            self.failures["error"] += 1
            _log.exception("scrape failed", extra={"pod": pod.name})
        else:
            self.durations.observe(monotonic() - asked_at)
            return stat
        finally:
            self._asking.discard(pod.name)
        return None
