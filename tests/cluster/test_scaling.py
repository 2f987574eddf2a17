"""From zero to many and back, and which pod goes."""

import msgspec
import pytest

from autoscaler.core.defaults import Defaults
from autoscaler.core.hpa_settings import parse_hpa_annotations
from autoscaler.kubernetes.core.hpa import agrees, hpa_spec
from servingkit.cluster.kubernetes.core.objects import HorizontalPodAutoscalerSpec
from tests.cluster.cluster import Json, eventually
from tests.cluster.tenant import Tenant

pytestmark = pytest.mark.cluster

ONE_EACH = {"inflight.dev/container-concurrency": "1"}


def replicas(tenant: Tenant, name: str = "iris") -> int:
    wanted: int = tenant.deployment(name)["spec"].get("replicas", 0)
    return wanted


def wait_for_zero(tenant: Tenant, name: str = "iris") -> None:
    eventually(lambda: not replicas(tenant, name), f"{name} is asked for no pod")
    eventually(lambda: not tenant.pods(name), f"{name} has no pod")


def wait_for_answers(tenant: Tenant, name: str = "iris") -> None:
    """Wait until the public name is known everywhere, and leads to the model."""
    eventually(lambda: tenant.get(name).statuses == {"200": 1}, f"{name} answers")


def test_idle_goes_to_zero_and_a_request_brings_it_back(tenant: Tenant) -> None:
    tenant.deploy()
    wait_for_answers(tenant)
    wait_for_zero(tenant)
    result = tenant.get()
    assert result.statuses == {"200": 1}, result
    assert replicas(tenant) >= 1
    wait_for_zero(tenant)


def test_load_brings_more_pods_and_its_end_takes_them_away(tenant: Tenant) -> None:
    tenant.deploy(annotations={"autoscaling.knative.dev/max-scale": "3"}, pod_annotations=ONE_EACH)
    wait_for_answers(tenant)
    load = tenant.load(path="/?sleep=500", workers=6)
    tenant.wait_for_pods(3)
    result = load.stop()
    assert set(result.statuses) == {"200"}, result
    assert not result.errors
    assert max(result.peaks.values()) == 1
    wait_for_zero(tenant)


def test_the_busy_pod_stays_when_pods_go(tenant: Tenant) -> None:
    bounds = {
        "autoscaling.knative.dev/min-scale": "1",
        "autoscaling.knative.dev/max-scale": "3",
        "autoscaling.knative.dev/window": "10s",
        # Otherwise one request in one slot asks for a second pod.
        "autoscaling.knative.dev/target-utilization-percentage": "100",
    }
    tenant.deploy(annotations=bounds, pod_annotations=ONE_EACH)
    wait_for_answers(tenant)
    ramp = tenant.load(path="/?sleep=500", workers=6)
    tenant.wait_for_pods(3)
    # It outlasts the ramp and the shrink; one request is one pod's.
    long = tenant.load(path="/?sleep=90000", requests=1)
    eventually(lambda: long.result().sent == 1, "the long request is under way")
    ramp.stop()
    tenant.wait_for_pods(1)
    assert not long.result().done
    assert long.wait().statuses == {"200": 1}


def test_a_change_of_settings_restarts_no_pod(tenant: Tenant) -> None:
    deployment = tenant.deploy()
    wait_for_answers(tenant)
    (pod,) = tenant.wait_for_pods(1)
    changes = {"metadata": {"annotations": {"autoscaling.knative.dev/min-scale": "2"}}}
    tenant.cluster.patch(deployment, changes)
    pods = tenant.wait_for_pods(2)
    assert pod["metadata"]["uid"] in {one["metadata"]["uid"] for one in pods}


@pytest.mark.parametrize(
    ("settings", "metric"),
    [
        pytest.param(
            {"metric": "memory", "target": "512", "window": "2m"},
            {
                "type": "Resource",
                "resource": {
                    "name": "memory",
                    "target": {"type": "AverageValue", "averageValue": "512Mi"},
                },
            },
            id="memory, and a window",
        ),
        pytest.param(
            {"metric": "inflight_requests", "target": "3"},
            {
                "type": "Pods",
                "pods": {
                    "metric": {"name": "inflight_requests"},
                    "target": {"type": "AverageValue", "averageValue": "3"},
                },
            },
            id="a metric of the pods",
        ),
    ],
)
def test_the_cluster_takes_every_form_of_a_class_hpa(
    tenant: Tenant, settings: dict[str, str], metric: Json
) -> None:
    settings = {**settings, "class": "hpa.autoscaling.knative.dev"}
    annotations = {f"autoscaling.knative.dev/{key}": value for key, value in settings.items()}
    tenant.deploy(annotations=annotations)
    find = ("autoscaling/v2", "HorizontalPodAutoscaler", "iris", tenant.name)
    made = eventually(lambda: tenant.cluster.find(*find), "the autoscaler is there")
    assert made["spec"]["metrics"] == [metric]
    # With what the API server has added to it, it is still what is wanted.
    kept = msgspec.convert(made["spec"], HorizontalPodAutoscalerSpec)
    assert agrees(kept, hpa_spec(parse_hpa_annotations(annotations, Defaults())))


def test_the_cluster_says_who_scales_a_revision_of_class_hpa(tenant: Tenant) -> None:
    settings = {
        "autoscaling.knative.dev/class": "hpa.autoscaling.knative.dev",
        "autoscaling.knative.dev/min-scale": "2",
        "autoscaling.knative.dev/max-scale": "4",
        "autoscaling.knative.dev/target": "75",
    }
    tenant.deploy(annotations=settings)
    find = ("autoscaling/v2", "HorizontalPodAutoscaler", "iris", tenant.name)
    made = eventually(lambda: tenant.cluster.find(*find), "the autoscaler is there")
    assert (made["spec"]["minReplicas"], made["spec"]["maxReplicas"]) == (2, 4)
    aim = {"type": "Utilization", "averageUtilization": 75}
    assert made["spec"]["metrics"] == [
        {"type": "Resource", "resource": {"name": "cpu", "target": aim}}
    ]
    assert made["metadata"]["ownerReferences"][0]["name"] == "iris"
    wait_for_answers(tenant)
