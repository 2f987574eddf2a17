"""How many pods a revision should have: one step of Knative's pod autoscaler (KPA).

The rule is `ceil(average / target)`. It is taken twice. The *stable* window (60 s) follows load
calmly; the *panic* window (6 s) sees a burst. While the panic window wants twice the ready pods or
more, and for a stable window after that, the revision panics: the larger of both wishes counts, and
no pod is taken away.

Worked example: target 10, one ready pod, stable window 60 s. A burst of 60 in flight has lasted 6 s
after a minute of silence. Stable average: 60 x 6/60 = 6, one pod. Panic average: 60, six pods, and
6 / 1 ready >= 2: panic, six pods. A minute after the panic window last wanted twice the ready pods,
the stable average decides alone again.

Rates limit one step: at most `max_scale_up_rate` times the ready pods, at least the ready pods
divided by `max_scale_down_rate`. Bounds of the revision (least and most pods, scale to zero) come
after this, in `autoscaler.core.bounds`.

Source: Knative's `autoscaler.Scale`, whose decisions the tests replay.
"""

import math
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

TICK_S = 2
"""Seconds between two decisions; also the grain of the scale-down delay."""

ALWAYS_IN_PATH = -1
"""Target burst capacity that keeps the activator in the path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeciderSpec:
    """What is aimed at, in the units of the revision's metric."""

    target_value: float
    """Metric per pod aimed at."""

    total_value: float
    """Metric that one pod can take."""

    target_burst_capacity: float
    """Spare capacity wanted. -1: activator always in the path; 0: only without pods."""

    stable_window_s: int
    panic_threshold: float
    """Wanted pods over ready pods at which panic starts."""

    max_scale_up_rate: float
    max_scale_down_rate: float
    activation_scale: int = 0
    """Least pods when there is any load. Under 2: no such bound."""

    scale_down_delay_s: float = 0.0
    reachable: bool = True
    """Whether clients can reach the revision; an unreachable one shrinks without limits."""

    tolerance_ratio: float = 0.0
    """How far off the load of the pods asked for may be, before their number changes."""

    credit_starting_pods: bool = False
    """Whether pods asked for count as ready when panic is looked for."""


class Reading(NamedTuple):
    """Averages of the chosen metric over the two windows."""

    stable: float
    panic: float


class Measure(NamedTuple):
    """Another metric that asks for pods, and what one pod should have of it."""

    metric: str
    reading: Reading
    target_value: float


class Further(NamedTuple):
    """What may be looked at beyond the revision's metric and its ready pods."""

    asked_pods: int = 0
    """Pods asked for, starting ones included; for tolerance and credit."""

    measures: tuple[Measure, ...] = ()
    """The metric that asks for most pods decides."""

    floor_pods: int = 0
    """Pods that are expected to be needed. They bring none to a revision without load."""


class Wish(NamedTuple):
    """Pods wanted in one tick, kept for the scale-down delay."""

    tick: int
    pods: int


class DeciderState(NamedTuple):
    """What one decision leaves for the next."""

    panic_at: float | None = None
    """When panic was last confirmed. None: not panicking."""

    max_panic_pods: int = 0
    wishes: tuple[Wish, ...] = ()
    """Falling maxima within the scale-down delay, oldest first."""


class Limit(Enum):
    """What made the number of pods differ from `ceil(average / target)`."""

    SCALE_UP_RATE = "max-scale-up-rate"
    SCALE_DOWN_RATE = "max-scale-down-rate"
    ACTIVATION_SCALE = "activation-scale"
    PREDICTION = "prediction"
    TOLERANCE = "tolerance"
    PANIC = "panic"
    SCALE_DOWN_DELAY = "scale-down-delay"


class Decision(NamedTuple):
    """Pods wanted for the load alone, and the numbers behind it."""

    desired_pods: int
    excess_burst_capacity: int
    """Capacity left over the wanted burst; negative: activator in the path."""

    reading: Reading
    stable_pods: int
    """`ceil(stable average / target)`, before any limit; of several metrics the most."""

    panic_pods: int
    limits: tuple[Limit, ...]
    measures: tuple[Measure, ...] = ()
    """The further metrics that were looked at."""


def initial_state(ready_pods: int, now: float) -> DeciderState:
    """Return the state of a new decider; with several pods it panics until it knows the load."""
    return DeciderState(panic_at=now if ready_pods > 1 else None, max_panic_pods=ready_pods)


def initial_excess_burst_capacity(spec: DeciderSpec, initial_scale: int) -> int:
    """Return the excess burst capacity to assume before the first decision."""
    if spec.target_burst_capacity <= 0:
        return int(spec.target_burst_capacity)
    return math.floor(initial_scale * spec.total_value - spec.target_burst_capacity)


NOTHING_FURTHER = Further()


def decide(
    spec: DeciderSpec,
    state: DeciderState,
    reading: Reading,
    ready_pods: int,
    now: float,
    further: Further = NOTHING_FURTHER,
) -> tuple[Decision, DeciderState]:
    """Return the pods wanted at `now`, and the state for the next decision."""
    limits: list[Limit] = []
    pods = max(1, ready_pods)
    stable_pods = math.ceil(reading.stable / spec.target_value)
    panic_pods = math.ceil(reading.panic / spec.target_value)
    for measure in further.measures:
        stable_pods = max(stable_pods, math.ceil(measure.reading.stable / measure.target_value))
        panic_pods = max(panic_pods, math.ceil(measure.reading.panic / measure.target_value))
    expected_pods = max(pods, further.asked_pods) if spec.credit_starting_pods else pods
    over_threshold = panic_pods / expected_pods >= spec.panic_threshold
    state = _follow_panic(spec, state, now, over_threshold=over_threshold)
    panicking = state.panic_at is not None

    raw = max(stable_pods, panic_pods) if panicking else stable_pods
    if not panicking and raw != further.asked_pods and _is_near(spec, reading, further):
        raw = further.asked_pods
        limits.append(Limit.TOLERANCE)
    if further.floor_pods > raw > 0:
        raw = further.floor_pods
        limits.append(Limit.PREDICTION)
    desired = _step(spec, raw, pods, limits)
    if panicking:
        if desired < state.max_panic_pods:
            desired = state.max_panic_pods
            limits.append(Limit.PANIC)
        state = state._replace(max_panic_pods=desired)
    if spec.reachable and spec.scale_down_delay_s > 0:
        state = state._replace(wishes=_remember(spec, state.wishes, desired, now))
        if state.wishes[0].pods > desired:
            desired = state.wishes[0].pods
            limits.append(Limit.SCALE_DOWN_DELAY)
    decision = Decision(
        desired_pods=desired,
        excess_burst_capacity=_excess_burst_capacity(spec, ready_pods, reading.panic),
        reading=reading,
        stable_pods=stable_pods,
        panic_pods=panic_pods,
        limits=tuple(limits),
        measures=further.measures,
    )
    return decision, state


def _follow_panic(
    spec: DeciderSpec, state: DeciderState, now: float, *, over_threshold: bool
) -> DeciderState:
    if over_threshold:
        return state._replace(panic_at=now)
    if state.panic_at is not None and state.panic_at + spec.stable_window_s < now:
        return state._replace(panic_at=None, max_panic_pods=0)
    return state


def _is_near(spec: DeciderSpec, reading: Reading, further: Further) -> bool:
    """Tell whether the pods asked for have about what they should have of the busiest metric."""
    if not spec.tolerance_ratio or not further.asked_pods:
        return False
    pods = reading.stable / spec.target_value
    for measure in further.measures:
        pods = max(pods, measure.reading.stable / measure.target_value)
    return abs(pods / further.asked_pods - 1) <= spec.tolerance_ratio


def _step(spec: DeciderSpec, raw: int, pods: int, limits: list[Limit]) -> int:
    """Limit one step; both windows' wishes pass the same bounds, so the larger may go alone."""
    most = math.ceil(spec.max_scale_up_rate * pods)
    least = math.floor(pods / spec.max_scale_down_rate) if spec.reachable else 0
    desired = raw
    if desired < least:
        desired = least
        limits.append(Limit.SCALE_DOWN_RATE)
    if desired > most:
        desired = most
        limits.append(Limit.SCALE_UP_RATE)
    if raw > 0 and spec.activation_scale > max(1, desired):
        desired = spec.activation_scale
        limits.append(Limit.ACTIVATION_SCALE)
    return desired


def _remember(
    spec: DeciderSpec, wishes: tuple[Wish, ...], pods: int, now: float
) -> tuple[Wish, ...]:
    """Add a wish; drop those that are too old and those that a later, larger one outlives.

    Two wishes of one tick count as the larger: the earlier one, when it is larger, stays in front.
    """
    tick = math.floor(now / TICK_S)
    length = math.ceil(spec.scale_down_delay_s / TICK_S)
    kept = tuple(wish for wish in wishes if wish.pods > pods and tick - wish.tick < length)
    return (*kept, Wish(tick, pods))


def _excess_burst_capacity(spec: DeciderSpec, ready_pods: int, panic_value: float) -> int:
    if spec.target_burst_capacity <= 0:
        return int(spec.target_burst_capacity)
    capacity = ready_pods * spec.total_value
    return math.floor(capacity - spec.target_burst_capacity - panic_value)
