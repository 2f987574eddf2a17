"""Revisions of Knative's class `hpa`: the spec that their HorizontalPodAutoscaler gets.

Source: Knative's HPA reconciler. There is no scale to zero, and the window becomes the
stabilisation window in both directions.
"""

import math

import msgspec

from autoscaler.core.hpa_settings import CPU, MEMORY, HpaSettings
from servingkit.cluster.kubernetes.core.objects import HorizontalPodAutoscalerSpec

_MOST_INT32 = 2**31 - 1
_DEFAULT_SHARE = 80.0
"""Of the CPU that the pods ask for: what Kubernetes does without any metric."""

Json = dict[str, object]


def hpa_spec(settings: HpaSettings) -> Json:
    """Return the spec but for its target."""
    spec: Json = {
        "minReplicas": settings.min_scale,
        "maxReplicas": settings.max_scale or _MOST_INT32,
        # Named also when nothing is asked for, so that what was asked for before goes.
        "metrics": [
            _metric(CPU, _DEFAULT_SHARE)
            if settings.target is None
            else _metric(settings.metric, settings.target)
        ],
        "behavior": None,
    }
    if settings.stabilisation_window_s is not None:
        rules = {"stabilizationWindowSeconds": settings.stabilisation_window_s}
        spec["behavior"] = {"scaleUp": rules, "scaleDown": rules}
    return spec


def agrees(present: HorizontalPodAutoscalerSpec, wanted: Json) -> bool:
    """Tell whether a spec as the API server has it is `wanted`, but for defaults that it added.

    A quantity that the API server writes in another way does not agree; then it is written again,
    which changes nothing.
    """
    given = msgspec.to_builtins(present)
    return all(_holds(given.get(key), value) for key, value in wanted.items())


def _holds(given: object, wanted: object) -> bool:
    if isinstance(wanted, dict) and isinstance(given, dict):
        return all(_holds(given.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(given, list):
        return len(given) == len(wanted) and all(map(_holds, given, wanted))
    return given == wanted


def _metric(name: str, target: float) -> Json:
    if name == CPU:
        aim: Json = {"type": "Utilization", "averageUtilization": math.ceil(target)}
        return {"type": "Resource", "resource": {"name": "cpu", "target": aim}}
    if name == MEMORY:
        aim = {"type": "AverageValue", "averageValue": f"{_quantity(target)}Mi"}
        return {"type": "Resource", "resource": {"name": "memory", "target": aim}}
    aim = {"type": "AverageValue", "averageValue": _quantity(target)}
    return {"type": "Pods", "pods": {"metric": {"name": name}, "target": aim}}


def _quantity(number: float) -> str:
    """Return a Kubernetes quantity to the thousandth; no unit could follow an exponent."""
    return f"{number:.3f}".rstrip("0").rstrip(".")
