import msgspec
import pytest

from autoscaler.core.defaults import Defaults
from autoscaler.core.hpa_settings import parse_hpa_annotations
from autoscaler.kubernetes.core.hpa import Json, agrees, hpa_spec
from servingkit.cluster.kubernetes.core.objects import HorizontalPodAutoscalerSpec
from tests.fakes.kube_api import merge

PREFIX = "autoscaling.knative.dev/"


def spec(**settings: str) -> Json:
    given = {PREFIX + key.replace("_", "-"): text for key, text in settings.items()}
    given[PREFIX + "class"] = "hpa.autoscaling.knative.dev"
    return hpa_spec(parse_hpa_annotations(given, Defaults()))


def test_without_settings_it_is_what_kubernetes_does_by_itself() -> None:
    aim = {"type": "Utilization", "averageUtilization": 80}
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": aim}}
    bounds = {"minReplicas": 1, "maxReplicas": 2**31 - 1}
    assert spec() == {**bounds, "metrics": [metric], "behavior": None}


def test_cpu_is_a_share_of_what_the_pods_ask_for() -> None:
    made = spec(min_scale="2", max_scale="5", target="75")
    assert (made["minReplicas"], made["maxReplicas"]) == (2, 5)
    aim = {"type": "Utilization", "averageUtilization": 75}
    assert made["metrics"] == [{"type": "Resource", "resource": {"name": "cpu", "target": aim}}]


def test_memory_is_in_mebibytes() -> None:
    aim = {"type": "AverageValue", "averageValue": "512Mi"}
    assert spec(metric="memory", target="512")["metrics"] == [
        {"type": "Resource", "resource": {"name": "memory", "target": aim}}
    ]


def test_a_share_of_cpu_is_rounded_up() -> None:
    aim = {"type": "Utilization", "averageUtilization": 71}
    assert spec(target="70.5")["metrics"] == [
        {"type": "Resource", "resource": {"name": "cpu", "target": aim}}
    ]


@pytest.mark.parametrize(
    ("target", "quantity"),
    [("0.01", "0.01"), ("10", "10"), ("1234567.5", "1234567.5"), ("2e6", "2000000")],
)
def test_a_target_is_a_quantity_without_an_exponent(target: str, quantity: str) -> None:
    aim = {"type": "AverageValue", "averageValue": f"{quantity}Mi"}
    assert spec(metric="memory", target=target)["metrics"] == [
        {"type": "Resource", "resource": {"name": "memory", "target": aim}}
    ]


def test_any_other_metric_is_one_of_the_pods() -> None:
    aim = {"type": "AverageValue", "averageValue": "2.5"}
    assert spec(metric="tokens", target="2.5")["metrics"] == [
        {"type": "Pods", "pods": {"metric": {"name": "tokens"}, "target": aim}}
    ]


def test_the_window_holds_in_both_directions() -> None:
    rules = {"stabilizationWindowSeconds": 120}
    assert spec(window="2m")["behavior"] == {"scaleUp": rules, "scaleDown": rules}


def as_kept(wanted: Json) -> Json:
    """Return a spec as an API server keeps it: with what it names by default."""
    added: Json = {"selectPolicy": "Max", "policies": [{"type": "Pods", "value": 4}]}
    behavior = {"scaleUp": added, "scaleDown": added} if wanted["behavior"] else None
    kept: Json = merge(wanted, {"behavior": behavior} if behavior else {})
    return {**kept, "scaleTargetRef": {"kind": "Deployment", "name": "iris"}}


WINDOW = {"window": "2m", "target": "75"}


@pytest.mark.parametrize(
    ("present", "wanted", "agree"),
    [
        pytest.param({}, {}, True, id="nothing asked for"),
        pytest.param(WINDOW, WINDOW, True, id="defaults added"),
        pytest.param(WINDOW, {"target": "75"}, False, id="the window is to go"),
        pytest.param(WINDOW, {"window": "2m"}, False, id="the target is to go"),
        pytest.param({"target": "75"}, WINDOW, False, id="a window is asked for"),
        pytest.param(WINDOW, {**WINDOW, "window": "3m"}, False, id="another window"),
        pytest.param({"max_scale": "3"}, {}, False, id="another bound"),
    ],
)
def test_what_is_there_agrees_when_nothing_of_it_has_to_change(
    present: dict[str, str], wanted: dict[str, str], *, agree: bool
) -> None:
    there = msgspec.convert(as_kept(spec(**present)), HorizontalPodAutoscalerSpec)
    assert agrees(there, spec(**wanted)) == agree
