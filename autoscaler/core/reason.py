"""A plan in one plain sentence, for people who ask why there are so many pods."""

from collections.abc import Iterable, Iterator

from autoscaler.core.bounds import Bound
from autoscaler.core.decider import DeciderSpec, Decision, Limit, Measure, Reading
from autoscaler.core.prediction import Prediction, PredictionMode
from autoscaler.core.scaler import NO_DATA, RESTARTED, Plan
from autoscaler.core.settings import Metric, ScalingSettings

_UNITS = {Metric.CONCURRENCY.value: "in flight", Metric.RPS.value: "requests a second"}
_NAMED_SOURCES = 3
_SAID_ELSEWHERE = {NO_DATA, RESTARTED, Limit.PANIC.value, Limit.PREDICTION.value}


def explain(settings: ScalingSettings, spec: DeciderSpec, plan: Plan, now: float) -> str:
    """Return such as `4 pods: 37.2 in flight over 60 s at 10 a pod; held by max-scale`."""
    load = (
        _load(settings, spec, plan, plan.decision)
        if plan.decision
        else "nothing is known about the load"
    )
    parts = [f"{_pods(plan.desired_pods)}: {load}"]
    if plan.panic_at is not None:
        left_s = plan.panic_at + settings.stable_window_s - now
        parts.append(f"panic for {max(0.0, left_s):.0f} s more")
    if plan.prediction is not None:
        parts.append(_prediction(settings, plan.prediction, plan.limits))
    held_by = list(_held_by(plan))
    if held_by:
        parts.append(f"held by {' and '.join(held_by)}")
    return "; ".join(parts)


def _pods(count: int) -> str:
    return f"{count} pod" + ("s" if count != 1 else "")


def _load(settings: ScalingSettings, spec: DeciderSpec, plan: Plan, decision: Decision) -> str:
    """Return the average that asks for most pods; of equals the revision's own metric."""
    by_panic = plan.is_panicking and decision.panic_pods > decision.stable_pods
    own = Measure(settings.metric.value, decision.reading, spec.target_value)
    leading = own
    for measure in decision.measures:
        if _share(measure, by_panic) > _share(leading, by_panic):
            leading = measure
    window_s = settings.panic_window_s if by_panic else settings.stable_window_s
    unit = _UNITS.get(leading.metric, leading.metric)
    value = _value(leading.reading, by_panic)
    load = f"{value:.3g} {unit} over {window_s} s at {leading.target_value:g} a pod"
    if leading is not own or plan.before_credit is None or plan.before_credit == decision.reading:
        return load
    return f"{load} (with credit; {_value(plan.before_credit, by_panic):.3g} with all that wait)"


def _share(measure: Measure, by_panic: bool) -> float:  # noqa: FBT001 -- one of two fields
    return _value(measure.reading, by_panic) / measure.target_value


def _value(reading: Reading, by_panic: bool) -> float:  # noqa: FBT001 -- one of two fields
    return reading.panic if by_panic else reading.stable


def _prediction(settings: ScalingSettings, prediction: Prediction, limits: Iterable[str]) -> str:
    unit = _UNITS[settings.metric.value]
    ahead = f"{prediction.value:.3g} {unit} in {prediction.horizon_s:g} s"
    if prediction.mode is PredictionMode.PREVIEW:
        return f"a prediction of {ahead} would ask for {_pods(prediction.pods)}"
    if Limit.PREDICTION.value in limits:
        return f"at least {_pods(prediction.pods)}, for {ahead} are predicted"
    return f"{ahead} are predicted, for {_pods(prediction.pods)}"


def _held_by(plan: Plan) -> Iterator[str]:
    if plan.is_held_without_data and plan.desired_pods:
        yield _missing(plan)
    bounds = {
        Bound.SCHEDULED_MIN_SCALE.value: plan.scheduled.min_scale,
        Bound.SCHEDULED_MAX_SCALE.value: plan.scheduled.max_scale,
    }
    for limit in plan.limits:
        bound = bounds.get(limit)
        if bound is not None:
            yield f"{limit} ({bound.schedule})"
        elif limit == Bound.ACTIVATOR_PROBE.value:
            yield f"{limit} ({plan.path_unproven})"
        elif limit not in _SAID_ELSEWHERE:
            yield limit


def _missing(plan: Plan) -> str:
    left_s = plan.coverage.whole_in_s
    if RESTARTED in plan.limits:
        return f"{RESTARTED} (the windows are whole in {left_s:.0f} s)"
    silent = (*plan.coverage.silent, *plan.silent_metrics)
    if not silent:
        return f"{NO_DATA} (reports were missing within the window, for {left_s:.0f} s more)"
    more = len(silent) - _NAMED_SOURCES
    names = ", ".join(silent[:_NAMED_SOURCES]) + (f" and {more} more" if more > 0 else "")
    return f"{NO_DATA} (no report from {names})"
