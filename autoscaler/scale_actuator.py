"""Carries out a plan: how many pods, and who receives the traffic."""

from autoscaler.core.scaler import Plan
from autoscaler.tracked_revision import TrackedRevision
from servingkit.clock import monotonic
from servingkit.cluster.protocols import PublicEndpoints, Scale
from servingkit.core.revision import Mode


class ScaleActuator:
    """Writes what differs from what the cluster was last asked for."""

    def __init__(self, scale: Scale, public_endpoints: PublicEndpoints) -> None:
        self._scale = scale
        self._public_endpoints = public_endpoints

    async def act(self, tracked: TrackedRevision, plan: Plan, replicas: int) -> None:
        """Make the cluster follow `plan`; `replicas` is what it was just read to be asked for.

        More pods are asked for before anything else. Fewer come last, so that traffic has left the
        pods for the activators before the last pod goes. Raises ClusterError.
        """
        # What was read may be older than what was written last, so both must agree with the plan.
        differs = {replicas, tracked.asked_pods} != {plan.desired_pods}
        grows = differs and plan.desired_pods > min(replicas, tracked.asked_pods or 0)
        if grows:
            await self._set_scale(tracked, plan.desired_pods)
        await self._publish(tracked, plan)
        if differs and not grows:
            await self._set_scale(tracked, plan.desired_pods)

    async def _set_scale(self, tracked: TrackedRevision, pods: int) -> None:
        before = tracked.asked_pods
        # Until the write is known to have worked nothing is known, and the next tick writes again.
        tracked.asked_pods = None
        await self._scale.set_scale(tracked.revision.id, pods)
        tracked.asked_pods = pods
        if before == pods:
            # Only asked again, because the cluster does not show it yet.
            return
        tracked.journal.note(
            "scale changed", tracked.revision.id, tracked.reason, from_pods=before, to_pods=pods
        )

    async def _publish(self, tracked: TrackedRevision, plan: Plan) -> None:
        moves = tracked.published is not plan.mode
        # Pods that serve by themselves need no other activators while they do.
        needs = (
            plan.activators if moves or plan.mode is Mode.PROXY else tracked.published_activators
        )
        if not moves and needs == tracked.published_activators:
            return
        await self._public_endpoints.publish(tracked.revision.id, plan.mode, needs)
        tracked.published_activators = needs
        if not moves:
            return
        tracked.published = plan.mode
        tracked.published_at = monotonic()
        tracked.journal.note(
            "traffic moved", tracked.revision.id, tracked.reason, mode=plan.mode.value
        )
