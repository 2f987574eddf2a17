"""How a revision stands, as the control API and the metrics show it."""

from collections import Counter
from dataclasses import asdict, dataclass

from autoscaler.cluster import Cluster
from autoscaler.core.bounds import Phase
from autoscaler.core.collector import SecondOfLoad
from autoscaler.core.decider import Measure
from autoscaler.core.history import Decided
from autoscaler.core.prediction import Prediction
from autoscaler.core.schedule import ScheduledBound
from autoscaler.core.unknown_annotations import unknown_annotations
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
    held_by: tuple[str, ...]
    """What made the pods differ from the average over the target, in the order of application."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsStatus:
    """The load as the windows hold it."""

    stable_window_s: int
    panic_window_s: int
    concurrency: tuple[float | None, ...]
    """Of each whole second of the stable window, oldest first. None: nothing is known."""

    requests_per_second: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureStatus:
    """A further metric, and what a pod should have of it."""

    metric: str
    target_value: float
    stable_value: float
    panic_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionStatus:
    """What the load was expected to be."""

    mode: str
    value: float
    horizon_s: float
    pods: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionStatus:
    """One decision, what it was taken on, and why."""

    at_s: float
    """When, in seconds since 1970 (UTC)."""

    desired_pods: int
    reason: str
    mode: str
    phase: str
    panicking: bool
    held_by: tuple[str, ...]
    target_value: float
    stable_value: float | None
    """Average over the stable window. None: nothing was known."""

    panic_value: float | None
    stable_pods: int | None
    """Pods that the stable average asks for, before any limit."""

    panic_pods: int | None
    excess_burst_capacity: int
    asked_pods: int
    """Pods that the cluster was asked for before it."""

    ready_pods: int
    silent: tuple[str, ...]
    """Pods and activators without a fresh report."""

    measures: tuple[MeasureStatus, ...] = ()
    """Further metrics that were looked at."""

    silent_metrics: tuple[str, ...] = ()
    """Those of which nothing was known."""

    prediction: PredictionStatus | None = None
    """None: none is asked for, or too little was known."""

    scheduled_min_scale: int | None = None
    """Least pods by the schedules that were on. None: they said nothing."""

    scheduled_max_scale: int | None = None
    before_credit_value: float | None = None
    """The stable average with all that waits. None: there is no credit for starting pods."""

    windows_whole_in_s: float = 0.0
    """How long nothing shrinks after a restart or missing reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionDetail(RevisionStatus):
    """All that is known of one revision."""

    windows: WindowsStatus
    decisions: tuple[DecisionStatus, ...]
    """Those that changed something, oldest first, and the latest."""

    unknown_annotations: tuple[str, ...] = ()
    """A sentence for each annotation that looks like a setting and that nobody reads."""


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
        held_by=plan.limits if plan else (),
        reason=tracked.reason,
    )


def detail_of(tracked: TrackedRevision, cluster: Cluster, now: float) -> RevisionDetail:
    """Return all that is known of a revision at `now`."""
    return RevisionDetail(
        **asdict(status_of(tracked, cluster, now)),
        windows=_windows(tracked, now),
        decisions=tuple(map(_decision, tracked.history.decisions())),
        unknown_annotations=unknown_annotations(tracked.revision.annotations),
    )


def _windows(tracked: TrackedRevision, now: float) -> WindowsStatus:
    seconds = tracked.collector.last_seconds(now)
    return WindowsStatus(
        stable_window_s=tracked.settings.stable_window_s,
        panic_window_s=tracked.settings.panic_window_s,
        concurrency=tuple(second and second.concurrency for second in seconds),
        requests_per_second=tuple(second and second.requests_per_second for second in seconds),
    )


def _decision(decided: Decided) -> DecisionStatus:
    plan = decided.plan
    decision = plan.decision
    return DecisionStatus(
        at_s=decided.at_s,
        desired_pods=plan.desired_pods,
        reason=decided.reason,
        mode=plan.mode.value,
        phase=plan.phase.value,
        panicking=plan.is_panicking,
        held_by=plan.limits,
        target_value=decided.spec.target_value,
        stable_value=decision.reading.stable if decision else None,
        panic_value=decision.reading.panic if decision else None,
        stable_pods=decision.stable_pods if decision else None,
        panic_pods=decision.panic_pods if decision else None,
        excess_burst_capacity=plan.excess_burst_capacity,
        asked_pods=decided.replicas,
        ready_pods=decided.ready_pods,
        silent=plan.coverage.silent,
        measures=tuple(map(_measure, decision.measures)) if decision else (),
        silent_metrics=plan.silent_metrics,
        prediction=_prediction(plan.prediction) if plan.prediction else None,
        scheduled_min_scale=_pods(plan.scheduled.min_scale),
        scheduled_max_scale=_pods(plan.scheduled.max_scale),
        before_credit_value=plan.before_credit.stable if plan.before_credit else None,
        windows_whole_in_s=plan.coverage.whole_in_s,
    )


def _pods(bound: ScheduledBound | None) -> int | None:
    return None if bound is None else bound.pods


def _measure(measure: Measure) -> MeasureStatus:
    return MeasureStatus(
        metric=measure.metric,
        target_value=measure.target_value,
        stable_value=measure.reading.stable,
        panic_value=measure.reading.panic,
    )


def _prediction(prediction: Prediction) -> PredictionStatus:
    return PredictionStatus(
        mode=prediction.mode.value,
        value=prediction.value,
        horizon_s=prediction.horizon_s,
        pods=prediction.pods,
    )
