"""Alerts and dashboard ask for series that the programs have."""

import json
import re
from pathlib import Path

import pytest
import yaml

from autoscaler.core.bounds import Bound
from autoscaler.core.scaler import NO_DATA
from autoscaler.metrics import RevisionText
from tests.charts.rendered import CHART, of_kind

_SERIES = re.compile(r"\b((?:kn|inflight)_[a-z_]+)(?=[{\s)\[]|$)")
_PROGRAMS = ("activator", "autoscaler", "controller", "queueproxy")
_LABELS = {"kn_revision_name"}
_KEPT = re.compile(r"\b(?:by|on) \(([^)]*)\)")
_MATCHED = re.compile(r"(\w+)(?:=~|=|!=|!~)\"")
_SHOWN = re.compile(r"{{ *(?:\$labels\.)?(\w+) *}}")
_OF_PROMETHEUS = {"job", "instance", "namespace", "le"}


def _exported() -> str:
    """Return what names all series: sources, and a page whose names the source puts together."""
    root = CHART.parents[1]
    sources = (path for program in _PROGRAMS for path in Path(root / program).rglob("*.py"))
    put_together = re.findall(r"^# TYPE (\w+)", RevisionText().text(), re.MULTILINE)
    return "\n".join([*(path.read_text() for path in sources), *map('"{}"'.format, put_together)])


def _asked_for() -> set[str]:
    rules = yaml.safe_load((CHART / "alerts.yaml").read_text())["groups"][0]["rules"]
    dashboard = json.loads((CHART / "dashboards" / "inflight.json").read_text())
    asked = [rule["expr"] for rule in rules]
    asked += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return {name for text in asked for name in _SERIES.findall(text)} - _LABELS


def _kept(expression: str) -> set[str]:
    """Return the labels that an expression keeps."""
    return {label.strip() for found in _KEPT.findall(expression) for label in found.split(",")}


def _expressions() -> list[tuple[str, str]]:
    """Return each expression, with the words that are made of its labels."""
    rules = yaml.safe_load((CHART / "alerts.yaml").read_text())["groups"][0]["rules"]
    dashboard = json.loads((CHART / "dashboards" / "inflight.json").read_text())
    targets = [target for panel in dashboard["panels"] for target in panel["targets"]]
    return [
        *((rule["expr"], " ".join(rule["annotations"].values())) for rule in rules),
        *((target["expr"], target["legendFormat"]) for target in targets),
    ]


@pytest.mark.parametrize(("expression", "words"), _expressions())
def test_labels_are_those_of_the_series(expression: str, words: str) -> None:
    exported = _exported()
    asked = (_kept(expression) | set(_MATCHED.findall(expression))) - _OF_PROMETHEUS
    assert [label for label in asked if f'"{label}"' not in exported] == []
    shown = set(_SHOWN.findall(words)) - _OF_PROMETHEUS
    kept = _kept(expression)
    assert [label for label in shown if f'"{label}"' not in exported] == []
    assert not kept or shown <= kept


def test_limits_are_those_that_hold_decisions() -> None:
    expressions = "\n".join(expression for expression, _ in _expressions())
    matched = re.findall(r'limit=~?"([^"]+)"', expressions)
    limits = {limit for choice in matched for limit in choice.split("|")}
    assert NO_DATA in limits
    assert limits <= {NO_DATA, *(bound.value for bound in Bound)}


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
