"""The control loop: each revision is read, decided and acted on every two seconds, or when poked.

A poke is an activator's report of load for a revision without pods: a request is held, so the
decision does not wait for the tick. Each revision has a task of its own, which waits for its turn;
turns are given out a few at a time, so that a poke, a scrape or a question to the API waits for a
few ticks and never for those of thousands. What goes wrong with one revision is logged, and tried
again at its next tick.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from autoscaler.cluster import Cluster
from autoscaler.core.bounds import Bound, Observed
from autoscaler.core.coverage import Sources
from autoscaler.core.defaults import KPA_CLASS, Defaults
from autoscaler.core.load import read_load
from autoscaler.core.path_proof import TOLD_AFTER_FAILURES, UNASKED
from autoscaler.core.scaler import Observation, Plan, initial_state, plan
from autoscaler.core.settings import autoscaler_class, parse_annotations
from autoscaler.core.tick_ring import TickRing
from autoscaler.journal import Journal
from autoscaler.scale_actuator import ScaleActuator
from autoscaler.state_keeper import StateKeeper
from autoscaler.tracked_revision import TrackedRevision
from servingkit.clock import monotonic, wall_clock
from servingkit.cluster.protocols import ClusterError
from servingkit.config import ConfigError
from servingkit.core.histogram import Histogram
from servingkit.core.revision import PodState, RevisionId
from servingkit.core.stat import Stat

_log = logging.getLogger(__name__)

_TURNS_AT_ONCE = 8
"""Ticks in one turn of the event loop, about 1 ms."""

AskPublicAddress = Callable[[RevisionId], Awaitable[str | None]]
"""Returns what answered at a revision's public address instead of an activator; None: one did."""


class Multiscaler:
    """Scales all revisions of a cluster."""

    def __init__(
        self,
        cluster: Cluster,
        defaults: Defaults,
        activators_heard_at: Mapping[str, float],
        ask_public_address: AskPublicAddress,
    ) -> None:
        self.tracked: dict[RevisionId, TrackedRevision] = {}
        """The revisions that are being scaled."""

        self.journal = Journal()
        self.tick_lag = Histogram()
        """How late turns were given that were due together."""

        self.pokes = 0
        self.failed_ticks = 0
        self._cluster = cluster
        self._defaults = defaults
        self._activators_heard_at = activators_heard_at
        self._ask_public_address = ask_public_address
        self._state_keeper = StateKeeper(cluster.states)
        self._actuator = ScaleActuator(cluster.scale, cluster.public_endpoints)
        self._changed: asyncio.Queue[RevisionId] = asyncio.Queue()
        self._tasks: dict[RevisionId, asyncio.Task[None]] = {}
        self._ring: TickRing[RevisionId] = TickRing(monotonic())

    def __repr__(self) -> str:
        return f"<Multiscaler {len(self.tracked)} revisions>"

    @property
    def leads(self) -> bool:
        """Whether what is decided here is carried out."""
        return self._cluster.leads()

    async def run(self) -> None:
        """Scale until cancelled."""
        self._cluster.revisions.on_revision_change(self._changed.put_nowait)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._give_turns())
            while True:
                self._follow(group, await self._changed.get())
                # A full queue does not suspend: a cluster may show all its revisions at once.
                await asyncio.sleep(0)

    def receive(self, revision_id: RevisionId, stat: Stat, second: int) -> None:
        """Take an activator's stat for a second; poke a revision that has load and no pods."""
        tracked = self.tracked.get(revision_id)
        if tracked is None:
            return
        tracked.collector.record_activator(stat, second)
        if stat.average_concurrent_requests > 0 and tracked.is_at_zero:
            self.pokes += 1
            tracked.turn.set()

    def set_defaults(self, defaults: Defaults) -> None:
        """Take what holds for revisions that do not say otherwise, from the next tick on."""
        self._defaults = defaults
        for revision_id in self._cluster.revisions.revisions():
            self._changed.put_nowait(revision_id)

    async def _give_turns(self) -> None:
        """Give each revision its turn when its tick is due, a few at a time."""
        while True:
            due_at = self._ring.next_at()
            given = 0
            for revision_id in self._ring.due(monotonic()):
                tracked = self.tracked.get(revision_id)
                if tracked is None:
                    continue
                tracked.turn.set()
                given += 1
                if given % _TURNS_AT_ONCE == 0:
                    await asyncio.sleep(0)
            if given:
                self.tick_lag.observe(max(0.0, monotonic() - due_at))
            await asyncio.sleep(self._ring.next_at() - monotonic())

    def _follow(self, group: asyncio.TaskGroup, revision_id: RevisionId) -> None:
        """Start, change or stop scaling a revision, as the cluster shows it now."""
        revision = self._cluster.revisions.revisions().get(revision_id)
        tracked = self.tracked.get(revision_id)
        if tracked is not None and (revision is None or revision.uid != tracked.revision.uid):
            self._drop(revision_id)
            tracked = None
        if revision is None:
            return
        try:
            if autoscaler_class(revision.annotations, self._defaults) != KPA_CLASS:
                # Somebody else scales it.
                if tracked is not None:
                    self._drop(revision_id)
                return
            settings = parse_annotations(revision.annotations, self._defaults)
        except ConfigError as error:
            facts = {"revision": str(revision_id), "problems": str(error)}
            _log.error("scaling settings refused", extra=facts)
            return
        if tracked is not None:
            tracked.update(revision, settings)
            return
        tracked = self.tracked[revision_id] = TrackedRevision(revision, settings, self.journal)
        self._ring.add(revision_id)
        self._tasks[revision_id] = group.create_task(self._scale(tracked))

    def _drop(self, revision_id: RevisionId) -> None:
        tracked = self.tracked.pop(revision_id)
        self._ring.remove(revision_id)
        self._tasks.pop(revision_id).cancel()
        self.journal.note("revision removed", revision_id, tracked.reason)

    async def _scale(self, tracked: TrackedRevision) -> None:
        while True:
            # Before the tick: a poke that comes while it runs calls for another one.
            tracked.turn.clear()
            try:
                await self._tick(tracked)
            except ClusterError as error:
                self.failed_ticks += 1
                facts = {"revision": str(tracked.revision.id), "reason": str(error)}
                _log.warning("cluster refused", extra=facts)
            except Exception:  # noqa: BLE001 -- the supervisor; one revision must not stop all
                self.failed_ticks += 1
                _log.exception("tick failed", extra={"revision": str(tracked.revision.id)})
            await tracked.turn.wait()

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
        tracked.settle(decided, observation.cluster, now)
        # Act.
        if not self._cluster.leads():
            tracked.stand_by(replicas)
            self._state_keeper.follow(tracked)
            return
        await self._actuator.act(tracked, decided, replicas)
        await self._state_keeper.keep(tracked, now)
        await self._prove_path(tracked, decided)

    async def _prove_path(self, tracked: TrackedRevision, decided: Plan) -> None:
        """Ask who answers at the public address if that is all that the last pod waits for."""
        if Bound.ACTIVATOR_PROBE.value not in decided.limits:
            if decided.desired_pods:
                tracked.path_proof = UNASKED
            return
        if monotonic() < tracked.path_proof.ask_at:
            return
        revision_id = tracked.revision.id
        problem = await self._ask_public_address(revision_id)
        proof = tracked.path_proof = tracked.path_proof.after(problem, monotonic())
        if problem is None:
            # Load may have come meanwhile, so it is decided anew whether the pod goes.
            tracked.turn.set()
        elif proof.failures >= TOLD_AFTER_FAILURES:
            sentence = f"The last pod stays, for no activator answers where clients go: {problem}"
            if proof.failures == TOLD_AFTER_FAILURES:
                self.journal.note("last pod held", revision_id, sentence, level=logging.WARNING)
            await self._cluster.warn(revision_id, "LastPodHeld", sentence)

    def _observe(self, tracked: TrackedRevision, replicas: int, now: float) -> Observation:
        pods = self._cluster.pods.pods(tracked.revision.id)
        ready = [pod.name for pod in pods if pod.state is PodState.READY]
        collector = tracked.collector
        if not self._cluster.public_endpoints.activators_receive(tracked.revision.id):
            # Asked for is not enough: the grace period begins when it is so.
            tracked.published_at = now
        cluster = Observed(
            replicas, len(ready), tracked.proxied_since, tracked.path_proof.missing(now)
        )
        load = read_load(
            tracked.settings, tracked.spec, collector, tracked.model_metrics, cluster, now
        )
        sources = Sources(
            ready_pods=ready,
            pods_heard_at=collector.pods_heard_at,
            activators=[activator.name for activator in self._cluster.activators.activators()],
            activators_heard_at=self._activators_heard_at,
        )
        return Observation(load, sources, cluster, wall_clock())
