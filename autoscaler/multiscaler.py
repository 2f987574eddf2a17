"""The control loop: each revision is read, decided and acted on every two seconds, or when poked.

A poke is an activator's report of load for a revision without pods: a request is held, so the
decision does not wait for the tick. Each revision has a task of its own; what goes wrong with one
is logged, and tried again at its next tick.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence

from autoscaler.cluster import Cluster
from autoscaler.core.bounds import Observed
from autoscaler.core.coverage import Sources
from autoscaler.core.decider import TICK_S
from autoscaler.core.defaults import Defaults
from autoscaler.core.reason import explain
from autoscaler.core.scaler import Observation, initial_state, plan
from autoscaler.core.settings import Metric, parse_annotations
from autoscaler.scale_actuator import ScaleActuator
from autoscaler.state_keeper import StateKeeper
from autoscaler.tracked_revision import TrackedRevision
from servingkit.clock import monotonic
from servingkit.cluster.protocols import ClusterError
from servingkit.config import ConfigError
from servingkit.core.revision import PodState, RevisionId
from servingkit.stat_wire import WireStat

_log = logging.getLogger(__name__)


class Multiscaler:
    """Scales all revisions of a cluster."""

    def __init__(
        self, cluster: Cluster, defaults: Defaults, activators_heard_at: Mapping[str, float]
    ) -> None:
        self.tracked: dict[RevisionId, TrackedRevision] = {}
        """The revisions that are being scaled."""

        self._cluster = cluster
        self._defaults = defaults
        self._activators_heard_at = activators_heard_at
        self._state_keeper = StateKeeper(cluster.states)
        self._actuator = ScaleActuator(cluster.scale, cluster.public_endpoints)
        self._changed: asyncio.Queue[RevisionId] = asyncio.Queue()
        self._tasks: dict[RevisionId, asyncio.Task[None]] = {}

    def __repr__(self) -> str:
        return f"<Multiscaler {len(self.tracked)} revisions>"

    async def run(self) -> None:
        """Scale until cancelled."""
        self._cluster.revisions.on_revision_change(self._changed.put_nowait)
        async with asyncio.TaskGroup() as group:
            while True:
                self._follow(group, await self._changed.get())

    def receive(self, stats: Sequence[WireStat]) -> None:
        """Take one frame of an activator's stats; poke revisions that have load and no pods."""
        now = monotonic()
        for revision_id, stat in stats:
            tracked = self.tracked.get(revision_id)
            if tracked is None:
                continue
            tracked.collector.record_activator(stat, now)
            if stat.average_concurrent_requests > 0 and tracked.is_at_zero:
                tracked.poked.set()

    def _follow(self, group: asyncio.TaskGroup, revision_id: RevisionId) -> None:
        """Start, change or stop scaling a revision, as the cluster shows it now."""
        revision = self._cluster.revisions.revisions().get(revision_id)
        tracked = self.tracked.get(revision_id)
        if tracked is not None and (revision is None or revision.uid != tracked.revision.uid):
            del self.tracked[revision_id]
            self._tasks.pop(revision_id).cancel()
            tracked = None
        if revision is None:
            return
        try:
            settings = parse_annotations(revision.annotations, self._defaults)
        except ConfigError as error:
            facts = {"revision": str(revision_id), "problems": str(error)}
            _log.error("scaling settings refused", extra=facts)
            return
        if tracked is not None:
            tracked.update(revision, settings)
            return
        tracked = self.tracked[revision_id] = TrackedRevision(revision, settings)
        self._tasks[revision_id] = group.create_task(self._scale(tracked))

    async def _scale(self, tracked: TrackedRevision) -> None:
        while True:
            # Before the tick: a poke that comes while it runs calls for another one.
            tracked.poked.clear()
            try:
                await self._tick(tracked)
            except ClusterError as error:
                facts = {"revision": str(tracked.revision.id), "reason": str(error)}
                _log.warning("cluster refused", extra=facts)
            except Exception:  # noqa: BLE001 -- the supervisor; one revision must not stop all
                _log.exception("tick failed", extra={"revision": str(tracked.revision.id)})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await tracked.poked.wait()

    async def _tick(self, tracked: TrackedRevision) -> None:
        # Read.
        replicas = await self._cluster.scale.get_scale(tracked.revision.id)
        if tracked.plan is None:
            tracked.asked_pods = replicas
        now = monotonic()
        observation = self._observe(tracked, replicas, now)
        # Decide.
        settings, spec = tracked.settings, tracked.spec
        state = tracked.state or initial_state(
            settings, spec, observation.cluster, now, self._state_keeper.recall(tracked, now)
        )
        decided, tracked.state = plan(settings, spec, state, observation, now)
        tracked.settle(decided, explain(settings, spec, decided, now))
        # Act.
        await self._actuator.act(tracked, decided, replicas)
        await self._state_keeper.keep(tracked, now)

    def _observe(self, tracked: TrackedRevision, replicas: int, now: float) -> Observation:
        pods = self._cluster.pods.pods(tracked.revision.id)
        ready = [pod.name for pod in pods if pod.state is PodState.READY]
        collector = tracked.collector
        reading = collector.reading(tracked.settings.metric, now)
        concurrency = collector.reading(Metric.CONCURRENCY, now).stable
        sources = Sources(
            ready_pods=ready,
            pods_heard_at=collector.pods_heard_at,
            activators=[activator.name for activator in self._cluster.activators.activators()],
            activators_heard_at=self._activators_heard_at,
        )
        return Observation(
            reading=None if collector.is_empty(now) else reading,
            concurrency=concurrency,
            sources=sources,
            cluster=Observed(replicas, len(ready), tracked.proxied_since),
        )
