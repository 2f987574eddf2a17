"""Settings that Knative's autoscaler does not have; each is off unless it is asked for.

Their annotations have the prefix `inflight.dev/`. Other programs have annotations of that prefix,
too, so that unknown ones are not refused here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from autoscaler.core.model_metrics import ModelMetric, ModelMetricKind
from autoscaler.core.prediction import PredictionMode, PredictionSettings
from autoscaler.core.schedule import Schedule, parse_schedules
from servingkit.config import Problem
from servingkit.core.annotation_names import OF_SCALING, OUR_PREFIX
from servingkit.setting_reader import SettingReader

_METRICS_EXPECTED = (
    "metrics with the value that a pod should have, separated by commas or lines: concurrency=8,"
    " rps=50, gauge:vllm:num_requests_waiting=4 or rate:vllm:generation_tokens_total=1500"
)
_METRIC = re.compile(
    r"(?:(concurrency|rps)|(gauge|rate):([a-zA-Z_:][a-zA-Z0-9_:]*))\s*=\s*(\S+)", re.ASCII
)
_PATH = "/metrics"
_LEAST_TARGET = 0.01
_MOST_TOLERANCE_PERCENT = 50
_MOST_PORT = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class AdditionDefaults:
    """What holds for every revision that does not say otherwise."""

    tolerance_percentage: float = 0.0
    credit_starting_pods: bool = False
    prediction: PredictionMode = PredictionMode.OFF
    prediction_window_s: float = 300.0
    prediction_horizon_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Additions:
    """One revision's settings beyond Knative's."""

    reachable: bool = True
    """Whether clients can reach it; one that they cannot has no bounds to keep, and no delays."""

    further_targets: Mapping[str, float]
    """By `concurrency` or `rps`: what a pod should have of it, besides the revision's metric."""

    model_metrics: tuple[ModelMetric, ...]
    metrics_port: int
    """Port of the pod on which the model's metrics are. 0: on the sidecar's page."""

    metrics_path: str
    schedules: tuple[Schedule, ...]
    credit_starting_pods: bool
    tolerance_ratio: float
    """How far load may be off what the present pods should have, before their number changes."""

    prediction: PredictionSettings


def read_addition_defaults(reader: SettingReader) -> AdditionDefaults:
    """Read those that can be set for all revisions at once."""
    built_in = AdditionDefaults()
    return AdditionDefaults(
        tolerance_percentage=_tolerance(reader, built_in.tolerance_percentage),
        credit_starting_pods=reader.flag(
            "credit-starting-pods", default=built_in.credit_starting_pods
        ),
        prediction=reader.choice("prediction", built_in.prediction),
        prediction_window_s=_prediction_window(reader, built_in.prediction_window_s),
        prediction_horizon_s=_prediction_horizon(reader, built_in.prediction_horizon_s),
    )


def read_additions(
    annotations: Mapping[str, str], defaults: AdditionDefaults, max_scale_limit: int
) -> tuple[Additions, tuple[Problem, ...]]:
    """Return a revision's settings, and what is wrong with them."""
    own = {
        key: value
        for key, value in annotations.items()
        if key.startswith(OUR_PREFIX) and key.removeprefix(OUR_PREFIX) in OF_SCALING
    }
    reader = SettingReader(own, OUR_PREFIX)
    further_targets, model_metrics = _metrics(reader)
    port = reader.whole("metrics-port", 0, least=1, most=_MOST_PORT)
    additions = Additions(
        reachable=reader.flag("reachable", default=True),
        further_targets=further_targets,
        model_metrics=model_metrics,
        metrics_port=port,
        metrics_path=_path(reader, has_port=port > 0),
        schedules=_schedules(reader, max_scale_limit),
        credit_starting_pods=reader.flag(
            "credit-starting-pods", default=defaults.credit_starting_pods
        ),
        tolerance_ratio=_tolerance(reader, defaults.tolerance_percentage) / 100,
        prediction=PredictionSettings(
            mode=reader.choice("prediction", defaults.prediction),
            window_s=_prediction_window(reader, defaults.prediction_window_s),
            horizon_s=_prediction_horizon(reader, defaults.prediction_horizon_s),
        ),
    )
    return additions, reader.problems()


def _tolerance(reader: SettingReader, default: float) -> float:
    return reader.number("tolerance-percentage", default, least=0, most=_MOST_TOLERANCE_PERCENT)


def _prediction_window(reader: SettingReader, default: float) -> float:
    return reader.seconds("prediction-window", default, least=60, most=3600, whole=True)


def _prediction_horizon(reader: SettingReader, default: float) -> float:
    return reader.seconds("prediction-horizon", default, least=1, most=1800)


def _path(reader: SettingReader, *, has_port: bool) -> str:
    path = reader.text("metrics-path", _PATH)
    if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
        reader.reject("metrics-path", "a path such as /metrics")
    elif path != _PATH and not has_port:
        reader.reject("metrics-path", f"a metrics-port, too; the sidecar's page is at {_PATH}")
    return path


def _schedules(reader: SettingReader, max_scale_limit: int) -> tuple[Schedule, ...]:
    try:
        schedules = parse_schedules(reader.text("schedules", ""))
    except ValueError as error:
        reader.reject("schedules", str(error))
        return ()
    pods = [bound for one in schedules for bound in (one.min_scale, one.max_scale) if bound]
    unlimited = any(one.max_scale == 0 for one in schedules)
    if max_scale_limit and (unlimited or max(pods, default=0) > max_scale_limit):
        reader.reject("schedules", f"bounds from 1 to {max_scale_limit}, the max-scale-limit")
    return schedules


def _metrics(reader: SettingReader) -> tuple[dict[str, float], tuple[ModelMetric, ...]]:
    further: dict[str, float] = {}
    of_model: dict[str, ModelMetric] = {}
    for word in reader.text("metrics", "").replace("\n", ",").split(","):
        text = word.strip()
        if not text:
            continue
        found = _METRIC.fullmatch(text)
        target = _target(found.group(4)) if found else None
        if found is None or target is None:
            reader.reject("metrics", f"{_METRICS_EXPECTED}; {text!r} is none")
            break
        known, kind, name, _ = found.groups()
        if (known or name) in (*further, *of_model):
            reader.reject("metrics", f"each metric once; {text!r} is there twice")
        elif known:
            further[known] = target
        else:
            of_model[name] = ModelMetric(name, ModelMetricKind(kind), target)
    return further, tuple(of_model.values())


def _target(text: str) -> float | None:
    try:
        target = float(text)
    except ValueError:
        return None
    return target if _LEAST_TARGET <= target < float("inf") else None
