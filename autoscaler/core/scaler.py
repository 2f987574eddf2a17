"""One revision's tick as a whole: load, then missing data, then the revision's bounds.

`plan` strings the steps together: what the load asks for (`decider`), whether enough is known to
take pods away (`coverage`), what the revision allows (`bounds`), and who receives its traffic.
"""

import math
from dataclasses import replace
from typing import NamedTuple

from autoscaler.core import bounds, coverage, decider
from autoscaler.core.activator_count import activator_count
from autoscaler.core.bounds import Bound, BoundsState, Observed, Phase, Remembered
from autoscaler.core.coverage import Coverage, CoverageState, Sources
from autoscaler.core.decider import DeciderSpec, DeciderState, Decision, Further, Reading
from autoscaler.core.load import NO_LOAD, Load
from autoscaler.core.prediction import History, Prediction, PredictionMode, predict, remember
from autoscaler.core.schedule import NO_BOUNDS, ScheduledBounds, bounds_at
from autoscaler.core.settings import ScalingSettings
from servingkit.core.revision import Mode

NO_DATA = "no-data"
"""The limit that stands for missing reports."""

RESTARTED = "restart"
"""The limit that stands for windows that this process has not filled yet."""

IN_FLIGHT = "requests in flight"
"""The limit that keeps a pod for requests whose rate is already 0: long ones, and held ones."""


class ScalerState(NamedTuple):
    """What one plan leaves for the next."""

    decider: DeciderState
    coverage: CoverageState
    bounds: BoundsState
    excess_burst_capacity: int
    history: History = ()
    """Load of the last minutes, for predictions."""


class Plan(NamedTuple):
    """What to ask the cluster for, and everything that led there."""

    desired_pods: int
    mode: Mode
    activators: int
    """How many activators its load needs, while any are in the path."""

    phase: Phase
    excess_burst_capacity: int
    decision: Decision | None
    """What the load asked for. None: nothing is known about it."""

    panic_at: float | None
    """When panic was last confirmed. None: not panicking."""

    coverage: Coverage
    limits: tuple[str, ...]
    """What made the pods differ from the average over the target, in the order of application."""

    prediction: Prediction | None = None
    """None: none is asked for, or too little is known."""

    scheduled: ScheduledBounds = NO_BOUNDS
    """The bounds that schedules set now."""

    silent_metrics: tuple[str, ...] = ()
    """Metrics of the model that nothing is known of."""

    path_unproven: str | None = None
    """Why it is not shown that activators receive the traffic. None: it is shown."""

    before_credit: Reading | None = None
    """The averages with all that waits, if what waits was credited. None: it was not asked for."""

    @property
    def is_panicking(self) -> bool:
        """Whether no pod is taken away because of a burst."""
        return self.panic_at is not None

    @property
    def is_held_without_data(self) -> bool:
        """Whether no pod is taken away because reports are missing."""
        return NO_DATA in self.limits or RESTARTED in self.limits


def initial_state(
    settings: ScalingSettings,
    spec: DeciderSpec,
    observed: Observed,
    now: float,
    remembered: Remembered | None = None,
) -> ScalerState:
    """Return the state of a revision that this autoscaler sees for the first time."""
    # Pods that are not ready may be those of a new revision, unless another process knew them.
    was_there = observed.ready_pods or (remembered is not None and observed.replicas)
    return ScalerState(
        # Knative's decider starts in panic instead; that nothing shrinks is what it is for.
        decider=DeciderState(),
        coverage=CoverageState(began_at=now if was_there else None),
        bounds=bounds.initial_state(settings, observed, now, remembered),
        excess_burst_capacity=decider.initial_excess_burst_capacity(spec, settings.initial_scale),
    )


class Observation(NamedTuple):
    """All that a plan looks at."""

    load: Load
    sources: Sources
    cluster: Observed
    wall_s: float
    """Seconds since 1970 (UTC), for schedules."""


def plan(
    settings: ScalingSettings,
    spec: DeciderSpec,
    state: ScalerState,
    observation: Observation,
    now: float,
) -> tuple[Plan, ScalerState]:
    """Return what to ask the cluster for at `now`, and the state for the next plan."""
    load, cluster = observation.load, observation.cluster
    covered, coverage_state = coverage.judge(
        state.coverage, observation.sources, settings.stable_window_s, now
    )
    if load.reading is None and covered.zero:
        # Everyone reported, and nobody had anything to say: that is no load.
        load = load._replace(reading=NO_LOAD)
    history, prediction = _predict(settings, spec, state.history, load.reading, now)
    decision, decider_state = _decide(spec, state.decider, load, cluster, prediction, now)
    excess = decision.excess_burst_capacity if decision else state.excess_burst_capacity
    wanted, limits = _temper(decision, covered, load, cluster.replicas)
    scheduled = bounds_at(settings.additions.schedules, observation.wall_s)
    settings = _with_bounds(settings, scheduled)
    is_load = NO_DATA not in limits and RESTARTED not in limits
    pods, held_by, bounds_state = bounds.bound(
        settings, state.bounds, wanted, cluster, now, is_load=is_load
    )
    held_by = _scheduled(held_by, scheduled)
    wanted_by_load = bounds_state.phase is not Phase.INACTIVE and held_by is not Bound.ACTIVATING
    direct = pods > 0 and wanted_by_load and excess >= 0
    result = Plan(
        desired_pods=pods,
        mode=Mode.SERVE if direct else Mode.PROXY,
        activators=activator_count(spec, cluster.ready_pods, settings.activator_capacity),
        phase=bounds_state.phase,
        excess_burst_capacity=excess,
        decision=decision,
        panic_at=decider_state.panic_at,
        coverage=covered,
        limits=(*limits, held_by.value) if held_by else tuple(limits),
        prediction=prediction,
        scheduled=scheduled,
        silent_metrics=load.silent_metrics,
        path_unproven=cluster.path_unproven,
        before_credit=load.before_credit,
    )
    return result, ScalerState(decider_state, coverage_state, bounds_state, excess, history)


def _predict(
    settings: ScalingSettings,
    spec: DeciderSpec,
    history: History,
    reading: Reading | None,
    now: float,
) -> tuple[History, Prediction | None]:
    asked = settings.additions.prediction
    if asked.mode is PredictionMode.OFF or reading is None:
        return (), None
    history = remember(asked, history, reading.panic, now)
    value = predict(asked, history)
    if value is None:
        return history, None
    pods = math.ceil(value / spec.target_value)
    return history, Prediction(value, asked.horizon_s, pods, asked.mode)


def _decide(
    spec: DeciderSpec,
    state: DeciderState,
    load: Load,
    cluster: Observed,
    prediction: Prediction | None,
    now: float,
) -> tuple[Decision | None, DeciderState]:
    if load.reading is None:
        return None, state
    is_floor = prediction is not None and prediction.mode is PredictionMode.FLOOR
    further = Further(
        asked_pods=cluster.replicas,
        measures=load.measures,
        floor_pods=prediction.pods if prediction and is_floor else 0,
    )
    return decider.decide(spec, state, load.reading, cluster.ready_pods, now, further)


def _temper(
    decision: Decision | None, covered: Coverage, load: Load, replicas: int
) -> tuple[int, list[str]]:
    """Return the pods that may be had for what the load asks for, and what limited them so far."""
    if decision is None:
        return replicas, [NO_DATA]
    wanted = decision.desired_pods
    if wanted < replicas and (load.silent_metrics or not covered.decrease):
        return replicas, [RESTARTED if covered.young else NO_DATA]
    limits = [limit.value for limit in decision.limits]
    if wanted == 0 and load.concurrency > 0:
        return 1, [*limits, IN_FLIGHT]
    if wanted == 0 < replicas and not covered.zero:
        return 1, [NO_DATA]
    return wanted, limits


def _with_bounds(settings: ScalingSettings, scheduled: ScheduledBounds) -> ScalingSettings:
    if scheduled.min_scale is not None:
        settings = replace(settings, min_scale=scheduled.min_scale.pods)
    if scheduled.max_scale is not None:
        settings = replace(settings, max_scale=scheduled.max_scale.pods)
    return settings


def _scheduled(held_by: Bound | None, scheduled: ScheduledBounds) -> Bound | None:
    """Name a bound after the schedules if it is theirs."""
    if held_by is Bound.MIN_SCALE and scheduled.min_scale is not None:
        return Bound.SCHEDULED_MIN_SCALE
    if held_by is Bound.MAX_SCALE and scheduled.max_scale is not None:
        return Bound.SCHEDULED_MAX_SCALE
    return held_by
