"""All that the autoscaler holds of one revision between two ticks."""

import asyncio
import logging
from typing import TYPE_CHECKING

from autoscaler.core.collector import Collector
from autoscaler.core.scaler import Plan, ScalerState
from autoscaler.core.settings import ScalingSettings, decider_spec
from servingkit.core.revision import Mode, Revision

if TYPE_CHECKING:
    from servingkit.core.revision_state import RevisionState

_log = logging.getLogger(__name__)


class TrackedRevision:
    """A revision with its settings, its load, and what was decided and done last."""

    def __init__(self, revision: Revision, settings: ScalingSettings) -> None:
        self.revision = revision
        self.settings = settings
        self.spec = decider_spec(settings, revision.container_concurrency)
        self.collector = Collector(settings)
        self.turn = asyncio.Event()
        """Set to decide: by the tick, or by a poke, which does not wait for it."""

        self.state: ScalerState | None = None
        self.plan: Plan | None = None
        """The latest plan. None: not decided yet."""

        self.reason = "not decided yet"
        self.asked_pods: int | None = None
        """Pods that the cluster was last asked for. None: unknown, also after a failed write."""

        self.published: Mode | None = None
        """Who the cluster was last told receives the traffic. None: not told yet."""

        self.published_at = 0.0
        self.published_activators = 0
        """For how many activators the traffic was last published."""

        self.saved: RevisionState | None = None
        """What the cluster keeps of it. None: nothing yet."""

    def __repr__(self) -> str:
        return f"<TrackedRevision {self.revision.id}: {self.reason}>"

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

    def update(self, revision: Revision, settings: ScalingSettings) -> None:
        """Take over changed settings; load and state stay."""
        self.revision = revision
        self.settings = settings
        self.spec = decider_spec(settings, revision.container_concurrency)
        self.collector.configure(settings)

    def settle(self, plan: Plan, reason: str) -> None:
        """Keep a plan as the latest, and log what it changed."""
        before, self.plan, self.reason = self.plan, plan, reason
        facts = {"revision": str(self.revision.id), "reason": reason}
        if plan.is_panicking != (before is not None and before.is_panicking):
            _log.info("panic started" if plan.is_panicking else "panic ended", extra=facts)
        if before is None or plan.phase is not before.phase:
            _log.info("phase changed", extra={**facts, "phase": plan.phase.value})
        overdue = plan.coverage.overdue
        if overdue != (before is not None and before.coverage.overdue):
            facts["silent"] = ", ".join(plan.coverage.silent)
            level, event = (
                (logging.WARNING, "reports missing")
                if overdue
                else (logging.INFO, "reports complete")
            )
            _log.log(level, event, extra=facts)
