"""Alerts and dashboard ask for series that the programs have."""

import json
import re
from pathlib import Path

import pytest
import yaml

from autoscaler.core.settings import Metric
from tests.charts.rendered import CHART, of_kind

_SERIES = re.compile(r"\b((?:kn|inflight)_[a-z_]+)(?=[{\s)\[]|$)")
_PROGRAMS = ("activator", "autoscaler", "controller", "queueproxy")
_LABELS = {"kn_revision_name"}


def _exported() -> str:
    root = CHART.parents[1]
    text = "\n".join(
        path.read_text() for program in _PROGRAMS for path in Path(root / program).rglob("*.py")
    )
    return text + "".join(text.replace("{metric}", it.value) for it in Metric)


def _asked_for() -> set[str]:
    rules = yaml.safe_load((CHART / "alerts.yaml").read_text())["groups"][0]["rules"]
    dashboard = json.loads((CHART / "dashboards" / "inflight.json").read_text())
    asked = [rule["expr"] for rule in rules]
    asked += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return {name for text in asked for name in _SERIES.findall(text)} - _LABELS


def test_something_is_asked_for() -> None:
    assert {"kn_revision_pods_count", "inflight_requests_total"} <= _asked_for()


@pytest.mark.parametrize("series", sorted(_asked_for()))
def test_a_series_is_exported_by_some_program(series: str) -> None:
    exported = _exported()
    names = {series, re.sub(r"_(total|bucket|sum|count)$", "", series)}
    prefixes = r"^kn_revision_|^inflight_activator_"
    names |= {re.sub(prefixes, "", name) for name in names}
    assert any(f'"{name}"' in exported for name in names)


def test_the_rules_arrive_as_they_are_written() -> None:
    (rule,) = of_kind("everything", "PrometheusRule")
    assert rule["spec"] == yaml.safe_load((CHART / "alerts.yaml").read_text())
    for it in rule["spec"]["groups"][0]["rules"]:
        assert set(it["annotations"]) == {"summary", "description"}


def test_every_alert_is_explained() -> None:
    page = (CHART.parents[1] / "docs" / "operating.md").read_text()
    rules = yaml.safe_load((CHART / "alerts.yaml").read_text())["groups"][0]["rules"]
    assert [rule["alert"] for rule in rules if rule["alert"] not in page] == []


def test_the_dashboard_arrives_as_it_is_written() -> None:
    dashboards = [it for it in of_kind("everything", "ConfigMap") if "inflight.json" in it["data"]]
    (dashboard,) = dashboards
    written = (CHART / "dashboards" / "inflight.json").read_text()
    assert json.loads(dashboard["data"]["inflight.json"]) == json.loads(written)
