"""Revisions of Knative's class `hpa`: the spec that their HorizontalPodAutoscaler gets.

Source: Knative's HPA reconciler. There is no scale to zero, and the window becomes the
stabilisation window in both directions.
"""

import math

from autoscaler.core.hpa_settings import CPU, MEMORY, HpaSettings

_MOST_INT32 = 2**31 - 1

Json = dict[str, object]


def hpa_spec(settings: HpaSettings) -> Json:
    """Return the spec but for its target."""
    spec: Json = {
        "minReplicas": settings.min_scale,
        "maxReplicas": settings.max_scale or _MOST_INT32,
    }
    if settings.target is not None:
        spec["metrics"] = [_metric(settings.metric, settings.target)]
    if settings.stabilisation_window_s is not None:
        rules = {"stabilizationWindowSeconds": settings.stabilisation_window_s}
        spec["behavior"] = {"scaleUp": rules, "scaleDown": rules}
    return spec


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
