"""One revision's tick as a whole: load, then missing data, then the revision's bounds.

`plan` strings the steps together: what the load asks for (`decider`), whether enough is known to
take pods away (`coverage`), what the revision allows (`bounds`), and who receives its traffic.
"""

from dataclasses import dataclass

from autoscaler.core import bounds, coverage, decider
from autoscaler.core.activator_count import activator_count
from autoscaler.core.bounds import BoundsState, Observed, Phase, Remembered
from autoscaler.core.coverage import Coverage, CoverageState, Sources
from autoscaler.core.decider import DeciderSpec, DeciderState, Decision, Reading
from autoscaler.core.settings import ScalingSettings
from servingkit.core.revision import Mode

NO_DATA = "no-data"
"""The limit that stands for missing reports."""

IN_FLIGHT = "requests in flight"
"""The limit that keeps a pod for requests whose rate is already 0: long ones, and held ones."""


@dataclass(frozen=True, slots=True)
class ScalerState:
    """What one plan leaves for the next."""

    decider: DeciderState
    coverage: CoverageState
    bounds: BoundsState
    excess_burst_capacity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
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

    @property
    def is_panicking(self) -> bool:
        """Whether no pod is taken away because of a burst."""
        return self.panic_at is not None

    @property
    def is_held_without_data(self) -> bool:
        """Whether no pod is taken away because reports are missing."""
        return NO_DATA in self.limits


def initial_state(
    settings: ScalingSettings,
    spec: DeciderSpec,
    observed: Observed,
    now: float,
    remembered: Remembered | None = None,
) -> ScalerState:
    """Return the state of a revision that this autoscaler sees for the first time."""
    return ScalerState(
        decider=decider.initial_state(observed.ready_pods, now),
        coverage=CoverageState(complete_at=now),
        bounds=bounds.initial_state(settings, observed, now, remembered),
        excess_burst_capacity=decider.initial_excess_burst_capacity(spec, settings.initial_scale),
    )


@dataclass(frozen=True, slots=True)
class Observation:
    """All that a plan looks at."""

    reading: Reading | None
    """None: nothing was reported for longer than the stable window."""

    concurrency: float
    """Requests in flight over the stable window, also when another metric decides."""

    sources: Sources
    cluster: Observed


def plan(
    settings: ScalingSettings,
    spec: DeciderSpec,
    state: ScalerState,
    observation: Observation,
    now: float,
) -> tuple[Plan, ScalerState]:
    """Return what to ask the cluster for at `now`, and the state for the next plan."""
    cluster = observation.cluster
    covered, coverage_state = coverage.judge(
        state.coverage, observation.sources, settings.stable_window_s, now
    )
    decision, decider_state = _decide(spec, state.decider, observation, covered, now)
    excess = decision.excess_burst_capacity if decision else state.excess_burst_capacity
    wanted, limits = _temper(decision, covered, observation)
    pods, held_by, bounds_state = bounds.bound(settings, state.bounds, wanted, cluster, now)
    direct = pods > 0 and bounds_state.phase is not Phase.INACTIVE and excess >= 0
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
    )
    return result, ScalerState(decider_state, coverage_state, bounds_state, excess)


def _decide(
    spec: DeciderSpec,
    state: DeciderState,
    observation: Observation,
    covered: Coverage,
    now: float,
) -> tuple[Decision | None, DeciderState]:
    reading = observation.reading
    if reading is None and covered.zero:
        # Everyone reported and nobody had anything to say: that is no load, not missing data.
        reading = Reading(0.0, 0.0)
    if reading is None:
        return None, state
    return decider.decide(spec, state, reading, observation.cluster.ready_pods, now)


def _temper(
    decision: Decision | None, covered: Coverage, observation: Observation
) -> tuple[int, list[str]]:
    """Return the pods that may be had for what the load asks for, and what limited them so far."""
    replicas = observation.cluster.replicas
    if decision is None:
        return replicas, [NO_DATA]
    wanted = decision.desired_pods
    if wanted < replicas and not covered.decrease:
        return replicas, [NO_DATA]
    limits = [limit.value for limit in decision.limits]
    if wanted == 0 and observation.concurrency > 0:
        return 1, [*limits, IN_FLIGHT]
    if wanted == 0 < replicas and not covered.zero:
        return 1, [NO_DATA]
    return wanted, limits
