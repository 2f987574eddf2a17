"""All that the autoscaler holds of one revision between two ticks."""

import asyncio
import logging
from typing import TYPE_CHECKING

from autoscaler.core.bounds import Observed
from autoscaler.core.collector import Collector
from autoscaler.core.coverage import Coverage
from autoscaler.core.event_ring import Fact
from autoscaler.core.history import Decided, History
from autoscaler.core.model_metrics import ModelMetricHistory
from autoscaler.core.path_proof import UNASKED
from autoscaler.core.scaler import NO_DATA, RESTARTED, Plan, ScalerState
from autoscaler.core.settings import ScalingSettings, decider_spec
from autoscaler.journal import Journal
from servingkit.clock import wall_clock
from servingkit.core.revision import Mode, Revision

if TYPE_CHECKING:
    from servingkit.core.revision_state import RevisionState


class TrackedRevision:
    """A revision with its settings, its load, and what was decided and done last."""

    def __init__(self, revision: Revision, settings: ScalingSettings, journal: Journal) -> None:
        self.revision = revision
        self.settings = settings
        self.spec = decider_spec(settings, revision.container_concurrency)
        self.collector = Collector(settings)
        self.history = History()
        self.journal = journal
        self.model_metrics: ModelMetricHistory | None = None
        """What the model's own metrics were. None: none is asked for."""

        self._follow_model_metrics()
        self.turn = asyncio.Event()
        """Set to decide: by the tick, or by a poke, which does not wait for it."""

        self.state: ScalerState | None = None
        self.plan: Plan | None = None
        """The latest plan. None: not decided yet."""

        self.asked_pods: int | None = None
        """Pods that the cluster was last asked for. None: unknown, also after a failed write."""

        self.published: Mode | None = None
        """Who the cluster was last told receives the traffic. None: not told yet."""

        self.published_at = 0.0
        self.published_activators = 0
        """For how many activators the traffic was last published."""

        self.path_proof = UNASKED
        """Whether activators were found at the public address, once the last pod is to go."""

        self.saved: RevisionState | None = None
        """What the cluster keeps of it. None: nothing yet."""

    def __repr__(self) -> str:
        return f"<TrackedRevision {self.revision.id}: {self.reason}>"

    @property
    def reason(self) -> str:
        """Why it has the pods that it has, in one sentence."""
        latest = self.history.latest
        return latest.reason if latest is not None else "not decided yet"

    @property
    def is_at_zero(self) -> bool:
        """Whether there are no pods, or soon none: then a request must not wait for a tick."""
        return not self.asked_pods or (self.plan is not None and self.plan.desired_pods == 0)

    @property
    def is_shrinking(self) -> bool:
        """Whether the load asks for fewer pods than the cluster was asked for."""
        decision = self.plan.decision if self.plan is not None else None
        return decision is not None and decision.desired_pods < (self.asked_pods or 0)

    @property
    def proxied_since(self) -> float | None:
        """Since when the traffic goes to activators. None: it goes to the pods."""
        return self.published_at if self.published is Mode.PROXY else None

    def stand_by(self, replicas: int) -> None:
        """Forget what was asked of the cluster: it is for another autoscaler to ask."""
        self.asked_pods = replicas
        self.published = None

    def update(self, revision: Revision, settings: ScalingSettings) -> None:
        """Take over changed settings; load and state stay."""
        self.revision = revision
        self.settings = settings
        self.spec = decider_spec(settings, revision.container_concurrency)
        self.collector.configure(settings)
        self._follow_model_metrics()

    def _follow_model_metrics(self) -> None:
        metrics = self.settings.additions.model_metrics
        if not metrics:
            self.model_metrics = None
        elif self.model_metrics is None or self.model_metrics.metrics != metrics:
            self.model_metrics = ModelMetricHistory(metrics)

    def settle(self, plan: Plan, observed: Observed, now: float) -> None:
        """Keep a plan as the latest, with what it was decided on, and note what it changed."""
        before, self.plan = self.plan, plan
        changed = self.history.add(
            Decided(
                plan,
                self.settings,
                self.spec,
                replicas=observed.replicas,
                ready_pods=observed.ready_pods,
                at=now,
                at_s=wall_clock(),
            )
        )
        if changed:
            self._note_change(before, plan, observed)
        if plan.coverage.overdue != (before is not None and before.coverage.overdue):
            self._note_silence(plan.coverage)

    def _note_change(self, before: Plan | None, plan: Plan, observed: Observed) -> None:
        pods_before = before.desired_pods if before is not None else observed.replicas
        if plan.desired_pods != pods_before:
            self._note(
                "decision changed",
                level=logging.DEBUG,
                from_pods=pods_before,
                to_pods=plan.desired_pods,
            )
        if plan.is_panicking != (before is not None and before.is_panicking):
            self._note("panic started" if plan.is_panicking else "panic ended")
        if before is None or plan.phase is not before.phase:
            self._note("phase changed", phase=plan.phase.value)
        if plan.is_held_without_data != (before is not None and before.is_held_without_data):
            held = plan.is_held_without_data
            limits = plan.limits if held or before is None else before.limits
            limit = RESTARTED if RESTARTED in limits else NO_DATA
            self._note("decrease held" if held else "decrease no longer held", limit=limit)

    def _note_silence(self, coverage: Coverage) -> None:
        silent = ", ".join(coverage.silent)
        if coverage.overdue:
            self._note("reports missing", level=logging.WARNING, silent=silent)
        else:
            self._note("reports complete", silent=silent)

    def _note(self, name: str, *, level: int = logging.INFO, **facts: Fact) -> None:
        self.journal.note(name, self.revision.id, self.reason, level=level, **facts)
