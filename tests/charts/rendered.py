"""The chart as Helm renders it."""

from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import yaml

Json = dict[str, Any]
CHART = Path(__file__).resolve().parents[2] / "charts" / "inflight"
VALUES = {path.stem.removesuffix("-values"): path for path in (CHART / "ci").glob("*-values.yaml")}
NAMESPACE = "inflight-system"


def values(name: str) -> Json:
    return yaml.safe_load(VALUES[name].read_text()) or {}


def render(given: Json, release: str = "inflight") -> dict[str, str]:
    """Return the text that each template gives."""
    chart = helm_python.Chart.load(str(CHART))
    return dict(chart.render(given, name=release, namespace=NAMESPACE))


@cache
def objects(name: str) -> tuple[Json, ...]:
    """Return every object for one of the chart's own values files."""
    found: list[Json] = []
    for path, text in render(values(name)).items():
        if path.endswith(".yaml"):
            found += filter(None, yaml.safe_load_all(text))
    return tuple(found)


def of_kind(name: str, *kinds: str) -> list[Json]:
    return [item for item in objects(name) if item["kind"] in kinds]


def pod_specs(name: str) -> list[Json]:
    workloads = of_kind(name, "Deployment", "Job")
    return [item["spec"]["template"]["spec"] for item in workloads]
