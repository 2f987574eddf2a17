"""Keeps with the cluster what must outlive this process, and takes it up again.

The cluster keeps wall-clock time, decisions use the monotonic clock; the two meet only here.
"""

from autoscaler.core.bounds import Phase, Remembered
from autoscaler.tracked_revision import TrackedRevision
from servingkit.clock import wall_clock
from servingkit.cluster.protocols import RevisionStates
from servingkit.core.revision_state import RevisionState


class StateKeeper:
    """Reads a revision's state when it is first seen, and writes it when it has changed."""

    def __init__(self, states: RevisionStates) -> None:
        self._states = states

    def recall(self, tracked: TrackedRevision, now: float) -> Remembered | None:
        """Return what an earlier process knew of a revision; None: nothing."""
        saved = tracked.saved = self._states.state(tracked.revision.id)
        if saved is None:
            return None
        inactive_since = None
        if saved.inactive_since_s is not None:
            # A wall clock may have been set back since.
            inactive_since = now - max(0.0, wall_clock() - saved.inactive_since_s)
        return Remembered(saved.initialised, inactive_since)

    def follow(self, tracked: TrackedRevision) -> None:
        """Know what the autoscaler that leads has saved, in case this one has to go on."""
        tracked.saved = self._states.state(tracked.revision.id)

    async def keep(self, tracked: TrackedRevision, now: float) -> None:
        """Save the revision's state if it is not what was saved last. Raises ClusterError."""
        plan, state = tracked.plan, tracked.state
        if plan is None or state is None:
            return
        saved = tracked.saved
        inactive = state.bounds.phase is Phase.INACTIVE
        if saved is not None and (
            saved.initialised,
            saved.inactive_since_s is not None,
            saved.desired_pods,
        ) == (state.bounds.initialised, inactive, plan.desired_pods):
            return
        decided_at_s = wall_clock()
        current = RevisionState(
            initialised=state.bounds.initialised,
            inactive_since_s=decided_at_s - (now - state.bounds.since) if inactive else None,
            desired_pods=plan.desired_pods,
            decided_at_s=decided_at_s,
            reason=tracked.reason,
        )
        await self._states.save_state(tracked.revision.id, current)
        tracked.saved = current
