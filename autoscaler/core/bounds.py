"""The revision's own bounds on what its load asks for: least, most and first pods, and zero.

The last pod goes in steps. A revision is *active* while enough pods are ready, *activating* until
then, and *inactive* once it has been active and wanted nothing for a stable window. An inactive
revision keeps one pod for the grace period, in which its traffic must have moved to the activators,
and for the retention period; then it goes to zero. Any load makes it active again at once.

With Knative's defaults and the activator always in the path: the stable window empties (60 s), one
tick later the revision is inactive, and since its traffic has long been going through activators
the next tick asks who answers at its public address; the answer brings a tick that writes zero.

After both it must be shown that activators are in the path (`path_proof`), whatever was written.

Source: Knative's pod autoscaler reconciler and its scaler. Knative counts the grace period from
inactivity; here it counts from the moment the public endpoints lead to activators, as they were
written. Knative asks who answers before the grace period, and not at all while the activator is
always in the path; here it is the last thing before the pod goes.
"""

from enum import Enum
from typing import NamedTuple

from autoscaler.core.settings import ScalingSettings

_ACTIVATION_MARGIN_S = 30.0
"""How much longer than its progress deadline a revision may be activating before it is given up."""


class Phase(Enum):
    """Where a revision stands between traffic and none."""

    ACTIVE = "active"
    ACTIVATING = "activating"
    INACTIVE = "inactive"


class Bound(Enum):
    """What held the number of pods; the setting's name where there is one."""

    MIN_SCALE = "min-scale"
    MAX_SCALE = "max-scale"
    SCHEDULED_MIN_SCALE = "scheduled-min-scale"
    SCHEDULED_MAX_SCALE = "scheduled-max-scale"
    INITIAL_SCALE = "initial-scale"
    SCALE_TO_ZERO_OFF = "enable-scale-to-zero"
    ACTIVATING = "progress-deadline"
    STABLE_WINDOW = "window"
    GRACE_PERIOD = "scale-to-zero-grace-period"
    RETENTION_PERIOD = "scale-to-zero-pod-retention-period"
    ACTIVATOR_PROBE = "activator-probe"


class Observed(NamedTuple):
    """The revision as the cluster shows it."""

    replicas: int
    """Pods asked for now."""

    ready_pods: int
    proxied_since: float | None
    """Since when all traffic goes to activators, as it was written. None: it does not."""

    path_unproven: str | None = None
    """Why it is not shown that activators receive it. None: it is shown."""


class BoundsState(NamedTuple):
    """What one decision leaves for the next."""

    phase: Phase
    since: float
    """When the phase began."""

    initialised: bool
    """Whether the initial scale was reached, or given up; it applies once."""


class Remembered(NamedTuple):
    """What an earlier process knew of a revision."""

    initialised: bool
    inactive_since: float | None
    """On the clock of this process. None: it was wanted."""


def initial_state(
    settings: ScalingSettings, observed: Observed, now: float, remembered: Remembered | None = None
) -> BoundsState:
    """Return the state of a revision that this process sees for the first time."""
    if remembered is not None and remembered.inactive_since is not None:
        return BoundsState(Phase.INACTIVE, remembered.inactive_since, remembered.initialised)
    if remembered is not None:
        return BoundsState(Phase.ACTIVATING, now, remembered.initialised)
    at_zero = settings.initial_scale == 0 and observed.replicas == 0
    phase = Phase.INACTIVE if at_zero else Phase.ACTIVATING
    return BoundsState(phase, now, initialised=settings.initial_scale == 0)


def bound(
    settings: ScalingSettings,
    state: BoundsState,
    wanted: int,
    observed: Observed,
    now: float,
    *,
    is_load: bool = True,
) -> tuple[int, Bound | None, BoundsState]:
    """Return the pods to ask for instead of `wanted`, what held them, and the next state.

    `is_load` tells whether somebody wants them: pods that are only kept because too little is known
    do not make an inactive revision active.
    """
    pods, held_by = _clamp(settings, state, wanted)
    state = _follow_readiness(settings, state, observed, now)
    if pods > 0:
        if state.phase is Phase.INACTIVE and is_load:
            state = state._replace(phase=_running_phase(settings, state, observed), since=now)
        return pods, held_by, state
    if observed.replicas == 0:
        return 0, None, _become_inactive(state, now)
    return _toward_zero(settings, state, observed, now)


def _toward_zero(
    settings: ScalingSettings, state: BoundsState, observed: Observed, now: float
) -> tuple[int, Bound | None, BoundsState]:
    elapsed_s = now - state.since
    match state.phase:
        case Phase.ACTIVATING:
            if elapsed_s > _activation_deadline_s(settings):
                return 0, None, _become_inactive(state, now)
            return observed.replicas, Bound.ACTIVATING, state
        case Phase.ACTIVE:
            if elapsed_s >= settings.stable_window_s:
                return 1, Bound.GRACE_PERIOD, _become_inactive(state, now)
            return 1, Bound.STABLE_WINDOW, state
        case Phase.INACTIVE:
            held_by = _last_pod_held_by(settings, elapsed_s, observed, now)
            return 0 if held_by is None else 1, held_by, state


def _last_pod_held_by(
    settings: ScalingSettings, inactive_s: float, observed: Observed, now: float
) -> Bound | None:
    if settings.additions.reachable and inactive_s < settings.retention_period_s:
        return Bound.RETENTION_PERIOD
    since = observed.proxied_since
    if since is None or now - since < settings.grace_period_s:
        return Bound.GRACE_PERIOD
    return None if observed.path_unproven is None else Bound.ACTIVATOR_PROBE


def _clamp(settings: ScalingSettings, state: BoundsState, wanted: int) -> tuple[int, Bound | None]:
    least = _least_pods(settings, state)
    if settings.max_scale and max(wanted, least) > settings.max_scale:
        return settings.max_scale, Bound.MAX_SCALE
    if wanted < least:
        by_min_scale = least == settings.min_scale
        return least, Bound.MIN_SCALE if by_min_scale else Bound.INITIAL_SCALE
    if wanted == 0 and not settings.enable_scale_to_zero:
        return 1, Bound.SCALE_TO_ZERO_OFF
    return wanted, None


def _least_pods(settings: ScalingSettings, state: BoundsState) -> int:
    if not settings.additions.reachable:
        return 0
    return max(settings.min_scale, 0 if state.initialised else settings.initial_scale)


def _follow_readiness(
    settings: ScalingSettings, state: BoundsState, observed: Observed, now: float
) -> BoundsState:
    if state.phase is Phase.INACTIVE:
        return state
    phase = _running_phase(settings, state, observed)
    if phase is not state.phase:
        state = state._replace(phase=phase, since=now)
    if state.initialised:
        return state
    given_up = now - state.since > _activation_deadline_s(settings)
    return state._replace(initialised=phase is Phase.ACTIVE or given_up)


def _running_phase(settings: ScalingSettings, state: BoundsState, observed: Observed) -> Phase:
    least, _ = _clamp(settings, state, wanted=1)
    enough = observed.ready_pods >= least
    return Phase.ACTIVE if enough else Phase.ACTIVATING


def _become_inactive(state: BoundsState, now: float) -> BoundsState:
    if state.phase is Phase.INACTIVE:
        return state
    return state._replace(phase=Phase.INACTIVE, since=now)


def _activation_deadline_s(settings: ScalingSettings) -> float:
    return settings.progress_deadline_s + _ACTIVATION_MARGIN_S
