import pytest

from autoscaler.core.defaults import Defaults
from autoscaler.core.hpa_settings import parse_hpa_annotations
from autoscaler.kubernetes.core.hpa import Json, hpa_spec

PREFIX = "autoscaling.knative.dev/"


def spec(**settings: str) -> Json:
    given = {PREFIX + key.replace("_", "-"): text for key, text in settings.items()}
    given[PREFIX + "class"] = "hpa.autoscaling.knative.dev"
    return hpa_spec(parse_hpa_annotations(given, Defaults()))


def test_without_settings_the_cluster_has_its_way() -> None:
    assert spec() == {"minReplicas": 1, "maxReplicas": 2**31 - 1}


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
