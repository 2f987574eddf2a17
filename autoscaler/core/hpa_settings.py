"""Settings of a revision whose pods the cluster's own HorizontalPodAutoscaler counts.

Chosen by the class `hpa.autoscaling.knative.dev`. Its metric is `cpu` (percent of what the pods ask
for), `memory` (MiB a pod) or a metric of the pods that the cluster can tell. The rest of the
annotations is for the KPA and says nothing here. It never goes to zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from autoscaler.core.defaults import (
    HPA_CLASS,
    LEAST_TARGET,
    Defaults,
    read_class,
    read_max_scale,
    read_window,
)
from autoscaler.core.settings import PREFIX, SHARED_NAMES, named
from servingkit.config import ConfigError
from servingkit.setting_reader import SettingReader

CPU, MEMORY = "cpu", "memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class HpaSettings:
    """What the HorizontalPodAutoscaler is to do."""

    metric: str
    target: float | None
    """Percent, MiB, or the metric's own unit, for each pod; the utilisation share is not applied.
    None: the cluster's default."""

    min_scale: int
    """1 or more."""

    max_scale: int
    """0: no limit."""

    stabilisation_window_s: int | None
    """For both directions. None: the cluster's default."""


def parse_hpa_annotations(annotations: Mapping[str, str], defaults: Defaults) -> HpaSettings:
    """Return the settings; raises ConfigError that names every bad annotation."""
    reader = SettingReader(named(annotations, SHARED_NAMES), PREFIX)
    read_class(reader, "class", HPA_CLASS)
    window_s = read_window(reader, "window", 0)
    least = max(1, reader.whole("min-scale", defaults.min_scale))
    most = read_max_scale(reader, defaults.max_scale, defaults.max_scale_limit)
    if 0 < most < least:
        if reader.optional_text("min-scale") and reader.optional_text("max-scale"):
            reader.reject("max-scale", f"0 (no limit) or at least min-scale, {least}")
        least = most  # a default refuses no revision
    settings = HpaSettings(
        metric=reader.text("metric", CPU),
        target=reader.number("target", 0.0, least=LEAST_TARGET) or None,
        min_scale=least,
        max_scale=most,
        stabilisation_window_s=window_s or None,
    )
    if not settings.metric:
        reader.reject("metric", "cpu, memory, or the name of a metric of the pods")
    problems = reader.problems()
    if problems:
        raise ConfigError(problems)
    return settings
