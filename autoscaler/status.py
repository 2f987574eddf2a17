"""How a revision stands, as the control API and the metrics show it."""

from collections import Counter
from dataclasses import dataclass

from autoscaler.cluster import Cluster
from autoscaler.core.bounds import Phase
from autoscaler.core.collector import SecondOfLoad
from autoscaler.tracked_revision import TrackedRevision
from servingkit.core.revision import Mode, PodState


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionStatus:
    """One revision's numbers, in the metric's unit where they have one."""

    namespace: str
    name: str
    metric: str
    target_value: float
    stable_value: float | None
    """Average over the stable window. None: nothing is known."""

    panic_value: float | None
    concurrency: float | None
    """Requests in flight, summed over the last full second. None: nothing is known."""

    requests_per_second: float | None
    panicking: bool
    phase: str
    desired_pods: int | None
    """None: not decided yet."""

    asked_pods: int | None
    """Pods that the cluster was last asked for."""

    ready_pods: int
    starting_pods: int
    terminating_pods: int
    mode: str
    excess_burst_capacity: int
    reason: str


def status_of(tracked: TrackedRevision, cluster: Cluster, now: float) -> RevisionStatus:
    """Return how a revision stands at `now`."""
    plan = tracked.plan
    reading = plan.decision.reading if plan and plan.decision else None
    second = tracked.collector.last_second(now)
    if second is None and plan is not None and plan.coverage.zero:
        # All reported, and nobody had anything to say of this revision.
        second = SecondOfLoad(0.0, 0.0)
    pods = Counter(pod.state for pod in cluster.pods.pods(tracked.revision.id))
    mode = tracked.published or Mode.PROXY
    return RevisionStatus(
        namespace=tracked.revision.id.namespace,
        name=tracked.revision.id.name,
        metric=tracked.settings.metric.value,
        target_value=tracked.spec.target_value,
        stable_value=reading.stable if reading else None,
        panic_value=reading.panic if reading else None,
        concurrency=second.concurrency if second else None,
        requests_per_second=second.requests_per_second if second else None,
        panicking=plan is not None and plan.is_panicking,
        phase=(plan.phase if plan else Phase.ACTIVATING).value,
        desired_pods=plan.desired_pods if plan else None,
        asked_pods=tracked.asked_pods,
        ready_pods=pods[PodState.READY],
        starting_pods=pods[PodState.STARTING],
        terminating_pods=pods[PodState.TERMINATING],
        mode=mode.value,
        excess_burst_capacity=plan.excess_burst_capacity if plan else -1,
        reason=tracked.reason,
    )
