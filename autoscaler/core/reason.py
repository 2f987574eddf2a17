"""A plan in one plain sentence, for people who ask why there are so many pods."""

from autoscaler.core.decider import DeciderSpec, Decision, Limit
from autoscaler.core.scaler import NO_DATA, Plan
from autoscaler.core.settings import Metric, ScalingSettings

_UNITS = {Metric.CONCURRENCY: "in flight", Metric.RPS: "requests a second"}
_NAMED_SOURCES = 3


def explain(settings: ScalingSettings, spec: DeciderSpec, plan: Plan, now: float) -> str:
    """Return such as `4 pods: 37.2 in flight over 60 s at 10 a pod; held by max-scale`."""
    pods = f"{plan.desired_pods} pod" + ("s" if plan.desired_pods != 1 else "")
    load = (
        _load(settings, spec, plan.decision, panicking=plan.is_panicking)
        if plan.decision
        else "nothing is known about the load"
    )
    parts = [f"{pods}: {load}"]
    if plan.panic_at is not None:
        left_s = plan.panic_at + settings.stable_window_s - now
        parts.append(f"panic for {max(0.0, left_s):.0f} s more")
    held_by = [limit for limit in plan.limits if limit not in {NO_DATA, Limit.PANIC.value}]
    if plan.is_held_without_data and plan.desired_pods:
        held_by.insert(0, _missing(plan))
    if held_by:
        parts.append(f"held by {' and '.join(held_by)}")
    return "; ".join(parts)


def _load(
    settings: ScalingSettings, spec: DeciderSpec, decision: Decision, *, panicking: bool
) -> str:
    by_panic = panicking and decision.panic_pods > decision.stable_pods
    value = decision.reading.panic if by_panic else decision.reading.stable
    window_s = settings.panic_window_s if by_panic else settings.stable_window_s
    return f"{value:.3g} {_UNITS[settings.metric]} over {window_s} s at {spec.target_value:g} a pod"


def _missing(plan: Plan) -> str:
    silent = plan.coverage.silent
    if not silent:
        return f"{NO_DATA} (reports were missing within the window)"
    more = len(silent) - _NAMED_SOURCES
    names = ", ".join(silent[:_NAMED_SOURCES]) + (f" and {more} more" if more > 0 else "")
    return f"{NO_DATA} (no report from {names})"
