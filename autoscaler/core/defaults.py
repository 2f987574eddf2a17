"""What holds for every revision that does not say otherwise: Knative's ConfigMap config-autoscaler.

Names and ranges are Knative's. One default differs: `target_burst_capacity` is -1 (Knative: 211),
since without a mesh nothing but the activator balances requests over pods.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoscaler.core.additions import AdditionDefaults, read_addition_defaults
from servingkit.setting_reader import SettingReader

KPA_CLASS = "kpa.autoscaling.knative.dev"
HPA_CLASS = "hpa.autoscaling.knative.dev"
HOUR_S = 3600.0
LEAST_WINDOW_S = 6.0
LEAST_TARGET = 0.01
_JUST_OVER_ONE = 1.000001


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """The keys of config-autoscaler; durations in seconds."""

    container_concurrency_target_percentage: float = 70.0
    """Share of what a pod can take that is aimed at, 0 to 100."""

    container_concurrency_target_default: float = 100.0
    """Requests in flight that a pod can take when its container concurrency has no limit."""

    requests_per_second_target_default: float = 200.0
    target_burst_capacity: float = -1.0
    activator_capacity: float = 100.0
    """Requests in flight that one activator carries."""

    stable_window_s: int = 60
    panic_window_percentage: float = 10.0
    panic_threshold_percentage: float = 200.0
    max_scale_up_rate: float = 1000.0
    max_scale_down_rate: float = 2.0
    enable_scale_to_zero: bool = True
    scale_to_zero_grace_period_s: float = 30.0
    scale_to_zero_pod_retention_period_s: float = 0.0
    initial_scale: int = 1
    allow_zero_initial_scale: bool = False
    min_scale: int = 0
    max_scale: int = 0
    """0: no limit."""

    max_scale_limit: int = 0
    """Largest `max-scale` that a revision may ask for. 0: no limit."""

    scale_down_delay_s: float = 0.0
    pod_autoscaler_class: str = KPA_CLASS
    additions: AdditionDefaults = field(default_factory=AdditionDefaults)


BUILT_IN = Defaults()


def parse_defaults(data: Mapping[str, str], prefix: str = "") -> Defaults:
    """Read config-autoscaler's keys, each after `prefix`; raises ConfigError with every problem."""
    reader = SettingReader(data, prefix)
    allow_zero = reader.flag("allow-zero-initial-scale", default=BUILT_IN.allow_zero_initial_scale)
    limit = reader.whole("max-scale-limit", BUILT_IN.max_scale_limit)
    defaults = Defaults(
        container_concurrency_target_percentage=_percentage(reader),
        container_concurrency_target_default=reader.number(
            "container-concurrency-target-default",
            BUILT_IN.container_concurrency_target_default,
            least=LEAST_TARGET,
        ),
        requests_per_second_target_default=reader.number(
            "requests-per-second-target-default",
            BUILT_IN.requests_per_second_target_default,
            least=LEAST_TARGET,
        ),
        target_burst_capacity=read_target_burst_capacity(reader, BUILT_IN.target_burst_capacity),
        activator_capacity=reader.number(
            "activator-capacity", BUILT_IN.activator_capacity, least=1
        ),
        stable_window_s=read_window(reader, "stable-window", BUILT_IN.stable_window_s),
        panic_window_percentage=reader.number(
            "panic-window-percentage", BUILT_IN.panic_window_percentage, least=1, most=100
        ),
        panic_threshold_percentage=reader.number(
            "panic-threshold-percentage", BUILT_IN.panic_threshold_percentage, least=110, most=1000
        ),
        max_scale_up_rate=reader.number(
            "max-scale-up-rate", BUILT_IN.max_scale_up_rate, least=_JUST_OVER_ONE
        ),
        max_scale_down_rate=reader.number(
            "max-scale-down-rate", BUILT_IN.max_scale_down_rate, least=_JUST_OVER_ONE
        ),
        enable_scale_to_zero=reader.flag(
            "enable-scale-to-zero", default=BUILT_IN.enable_scale_to_zero
        ),
        scale_to_zero_grace_period_s=reader.seconds(
            "scale-to-zero-grace-period", BUILT_IN.scale_to_zero_grace_period_s, least=0.001
        ),
        scale_to_zero_pod_retention_period_s=reader.seconds(
            "scale-to-zero-pod-retention-period", BUILT_IN.scale_to_zero_pod_retention_period_s
        ),
        initial_scale=reader.whole(
            "initial-scale", BUILT_IN.initial_scale, least=0 if allow_zero else 1
        ),
        allow_zero_initial_scale=allow_zero,
        min_scale=reader.whole("min-scale", BUILT_IN.min_scale),
        max_scale=read_max_scale(reader, limit, limit),
        max_scale_limit=limit,
        scale_down_delay_s=reader.seconds(
            "scale-down-delay", BUILT_IN.scale_down_delay_s, whole=True
        ),
        pod_autoscaler_class=read_class(
            reader, "pod-autoscaler-class", BUILT_IN.pod_autoscaler_class
        ),
        additions=read_addition_defaults(reader),
    )
    _check_target(reader, defaults)
    if 0 < defaults.max_scale < defaults.min_scale:
        reader.reject("max-scale", f"0 or at least min-scale, {defaults.min_scale}")
    reader.check()
    return defaults


def _check_target(reader: SettingReader, defaults: Defaults) -> None:
    share = defaults.container_concurrency_target_percentage / 100
    if share * defaults.container_concurrency_target_default < LEAST_TARGET:
        expected = f"a number that is at least {LEAST_TARGET} at the target percentage"
        reader.reject("container-concurrency-target-default", expected)


def read_class(reader: SettingReader, name: str, default: str) -> str:
    """Read which autoscaler has a revision: this one, the cluster's HPA, or anybody else's."""
    chosen = reader.text(name, default)
    domain = chosen.rpartition(".knative.dev")
    if not chosen or (domain[1] and not domain[2] and chosen not in {KPA_CLASS, HPA_CLASS}):
        reader.reject(name, f"{KPA_CLASS}, {HPA_CLASS}, or a class of another domain")
        return default
    return chosen


def read_window(reader: SettingReader, name: str, default: int) -> int:
    """Read a stable window: 6 s to 1 h, whole seconds."""
    return int(reader.seconds(name, default, least=LEAST_WINDOW_S, most=HOUR_S, whole=True))


def read_target_burst_capacity(reader: SettingReader, default: float) -> float:
    """Read a target burst capacity: -1, or 0 and more."""
    name = "target-burst-capacity"
    capacity = reader.number(name, default, least=-1)
    if -1 < capacity < 0:
        reader.reject(name, "-1 (activator always in the path) or a number of at least 0")
    return capacity


def read_max_scale(reader: SettingReader, default: int, limit: int) -> int:
    """Read the most pods: 0 for no limit, unless `limit` is set; then 1 to `limit`."""
    if limit:
        return reader.whole("max-scale", default or limit, least=1, most=limit)
    return reader.whole("max-scale", default)


def _percentage(reader: SettingReader) -> float:
    """Read the target utilisation; Knative takes a value up to 1 as a fraction."""
    name = "container-concurrency-target-percentage"
    percentage = reader.number(name, 70.0, least=LEAST_TARGET, most=100)
    return percentage * 100 if percentage <= 1 else percentage
