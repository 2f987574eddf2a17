"""Scaling settings of one revision: its annotations over the installation's defaults.

Names, defaults and ranges are Knative's (prefix `autoscaling.knative.dev/`, and
`serving.knative.dev/progress-deadline`), and so is the older camelCase spelling of the names. What
Knative does not have is read in `autoscaler.core.additions`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum

from autoscaler.core.additions import Additions, read_additions
from autoscaler.core.decider import DeciderSpec
from autoscaler.core.defaults import (
    HOUR_S,
    KPA_CLASS,
    LEAST_TARGET,
    Defaults,
    read_class,
    read_max_scale,
    read_target_burst_capacity,
    read_window,
)
from autoscaler.core.window import Aggregation, panic_window_s
from servingkit.config import ConfigError
from servingkit.setting_reader import SettingReader, kebab_case

PREFIX = "autoscaling.knative.dev/"
PROGRESS_DEADLINE = "serving.knative.dev/progress-deadline"
SHARED_NAMES = ("class", "max-scale", "metric", "min-scale", "target", "window")
"""Annotations of a revision of any class."""

KPA_ONLY_NAMES = (
    "activation-scale",
    "initial-scale",
    "metric-aggregation-algorithm",
    "panic-threshold-percentage",
    "panic-window-percentage",
    "scale-down-delay",
    "scale-to-zero-pod-retention-period",
    "target-burst-capacity",
    "target-utilization-percentage",
)
"""Annotations that say nothing to another class, but are no mistake there."""

NAMES = frozenset((*SHARED_NAMES, *KPA_ONLY_NAMES))

RPS_TARGET_PERCENTAGE = 70.0
"""Share of the target of `rps` that is aimed at; Knative's, which no default changes."""

_LEAST_ACTIVATION_SCALE = 2


class Metric(Enum):
    """What is measured per pod."""

    CONCURRENCY = "concurrency"
    RPS = "rps"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingSettings:
    """All that decides how one revision scales."""

    metric: Metric
    target: float | None
    """Metric that one pod can take. None: its container concurrency, or the default."""

    default_target: float
    target_utilization_ratio: float
    target_burst_capacity: float
    min_scale: int
    max_scale: int
    """0: no limit."""

    initial_scale: int
    activation_scale: int
    """Least pods when leaving zero. 0: one."""

    stable_window_s: int
    panic_window_s: int
    panic_threshold: float
    """Wanted pods over ready pods at which panic starts."""

    aggregation: Aggregation
    max_scale_up_rate: float
    max_scale_down_rate: float
    scale_down_delay_s: float
    enable_scale_to_zero: bool
    grace_period_s: float
    """How long traffic must have gone to activators before the last pod goes."""

    retention_period_s: float
    """How long the last pod stays after traffic stopped."""

    additions: Additions
    """What Knative's autoscaler does not have."""

    activator_capacity: float
    """Requests in flight that one activator carries."""

    progress_deadline_s: float
    """How long a revision may take to get its pods ready."""


def autoscaler_class(annotations: Mapping[str, str], defaults: Defaults) -> str:
    """Return whose revision it is; `parse_annotations` is for `KPA_CLASS`. Raises ConfigError."""
    key = PREFIX + "class"
    own = {key: annotations[key]} if key in annotations else {}
    reader = SettingReader(own, PREFIX)
    chosen = read_class(reader, "class", defaults.pod_autoscaler_class)
    reader.check()
    return chosen


def parse_annotations(annotations: Mapping[str, str], defaults: Defaults) -> ScalingSettings:
    """Return the settings; raises ConfigError that names every bad annotation.

    Unknown ones are passed over: `autoscaler.core.unknown_annotations` tells of them.
    """
    deadline = {key: value for key, value in annotations.items() if key == PROGRESS_DEADLINE}
    deadline_reader = SettingReader(deadline, "")
    progress_deadline_s = deadline_reader.seconds(PROGRESS_DEADLINE, 600.0, least=1, whole=True)
    additions, problems_of_additions = read_additions(
        annotations, defaults.additions, defaults.max_scale_limit
    )
    reader = SettingReader(named(annotations, NAMES), PREFIX)
    settings = _read(reader, defaults, progress_deadline_s, additions)
    _check_bounds(reader, settings)
    problems = (*reader.problems(), *deadline_reader.problems(), *problems_of_additions)
    if problems:
        raise ConfigError(problems)
    return settings


def named(annotations: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """Return the annotations with Knative's prefix that have one of `names`, in either spelling."""
    return {
        key: value
        for key, value in annotations.items()
        if key.startswith(PREFIX) and kebab_case(key.removeprefix(PREFIX)) in names
    }


def decider_spec(settings: ScalingSettings, container_concurrency: int) -> DeciderSpec:
    """Return what the decider aims at, for pods that run so many requests at once (0: no limit)."""
    total = settings.default_target if settings.target is None else settings.target
    if settings.metric is Metric.CONCURRENCY and container_concurrency:
        limit = float(container_concurrency)
        total = limit if settings.target is None else min(settings.target, limit)
    return DeciderSpec(
        target_value=max(LEAST_TARGET, total * settings.target_utilization_ratio),
        total_value=total,
        target_burst_capacity=settings.target_burst_capacity,
        stable_window_s=settings.stable_window_s,
        panic_threshold=settings.panic_threshold,
        max_scale_up_rate=settings.max_scale_up_rate,
        max_scale_down_rate=settings.max_scale_down_rate,
        activation_scale=settings.activation_scale,
        scale_down_delay_s=settings.scale_down_delay_s,
        reachable=settings.additions.reachable,
        tolerance_ratio=settings.additions.tolerance_ratio,
        credit_starting_pods=settings.additions.credit_starting_pods,
    )


def _read(
    reader: SettingReader, defaults: Defaults, progress_deadline_s: float, additions: Additions
) -> ScalingSettings:
    if read_class(reader, "class", KPA_CLASS) != KPA_CLASS:
        reader.reject("class", f"{KPA_CLASS}; a revision of another class is not scaled here")
    metric = reader.choice("metric", Metric.CONCURRENCY)
    default_target, default_utilization_percent = _aims(metric, defaults)
    stable_window_s = read_window(reader, "window", defaults.stable_window_s)
    panic_percentage = reader.number(
        "panic-window-percentage", defaults.panic_window_percentage, least=1, most=100
    )
    return ScalingSettings(
        metric=metric,
        target=_target(reader),
        default_target=default_target,
        target_utilization_ratio=reader.number(
            "target-utilization-percentage", default_utilization_percent, least=1, most=100
        )
        / 100,
        target_burst_capacity=read_target_burst_capacity(reader, defaults.target_burst_capacity),
        min_scale=reader.whole("min-scale", defaults.min_scale),
        max_scale=read_max_scale(reader, defaults.max_scale, defaults.max_scale_limit),
        initial_scale=reader.whole(
            "initial-scale",
            defaults.initial_scale,
            least=0 if defaults.allow_zero_initial_scale else 1,
        ),
        activation_scale=reader.whole("activation-scale", 0, least=_LEAST_ACTIVATION_SCALE),
        stable_window_s=stable_window_s,
        panic_window_s=panic_window_s(stable_window_s, panic_percentage),
        panic_threshold=reader.number(
            "panic-threshold-percentage", defaults.panic_threshold_percentage, least=110, most=1000
        )
        / 100,
        aggregation=reader.choice("metric-aggregation-algorithm", Aggregation.LINEAR),
        max_scale_up_rate=defaults.max_scale_up_rate,
        max_scale_down_rate=defaults.max_scale_down_rate,
        scale_down_delay_s=reader.seconds(
            "scale-down-delay", defaults.scale_down_delay_s, most=HOUR_S, whole=True
        ),
        enable_scale_to_zero=defaults.enable_scale_to_zero,
        grace_period_s=defaults.scale_to_zero_grace_period_s,
        retention_period_s=reader.seconds(
            "scale-to-zero-pod-retention-period",
            defaults.scale_to_zero_pod_retention_period_s,
            most=HOUR_S,
        ),
        additions=additions,
        activator_capacity=defaults.activator_capacity,
        progress_deadline_s=progress_deadline_s,
    )


def _aims(metric: Metric, defaults: Defaults) -> tuple[float, float]:
    """Return what a pod can take of `metric`, and how many percent of it are aimed at."""
    match metric:
        case Metric.CONCURRENCY:
            percentage = defaults.container_concurrency_target_percentage
            return defaults.container_concurrency_target_default, percentage
        case Metric.RPS:
            return defaults.requests_per_second_target_default, RPS_TARGET_PERCENTAGE


def _target(reader: SettingReader) -> float | None:
    target = reader.number("target", 0.0, least=LEAST_TARGET)
    return target or None


def _check_bounds(reader: SettingReader, settings: ScalingSettings) -> None:
    """Refuse bounds of the revision that contradict each other; a default refuses no revision."""
    least = 0 if reader.optional_text("min-scale") is None else settings.min_scale
    most = 0 if reader.optional_text("max-scale") is None else settings.max_scale
    if 0 < most < least:
        reader.reject("max-scale", f"0 (no limit) or at least min-scale, {least}")
    activation = settings.activation_scale
    if activation and not least <= activation <= (most or activation):
        reader.reject("activation-scale", f"from min-scale, {least}, to max-scale, {most}")
