"""What is taken over, what is not, and what is given back."""

from collections.abc import Callable

import pytest

from tests.cluster.cluster import Json, eventually
from tests.cluster.installation import Installation
from tests.cluster.tenant import ENABLED, Tenant
from tests.cluster.test_scaling import wait_for_answers, wait_for_zero

pytestmark = pytest.mark.cluster

ADOPT = {"inflight.dev/adopt-service": "iris"}


def make_service(tenant: Tenant, name: str = "iris") -> Json:
    return tenant.cluster.create(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": tenant.name},
            "spec": {"selector": {"app": "iris"}, "ports": [{"port": 80, "targetPort": 8080}]},
        }
    )


def selector_of(tenant: Tenant, name: str = "iris") -> object:
    service = tenant.cluster.find("v1", "Service", name, tenant.name)
    assert service is not None
    return service["spec"].get("selector")


def slices_of(tenant: Tenant, name: str = "iris") -> list[Json]:
    selector = f"kubernetes.io/service-name={name}"
    return tenant.cluster.list_all("discovery.k8s.io/v1", "EndpointSlice", tenant.name, selector)


def is_ours(one: Json) -> bool:
    manager = one["metadata"]["labels"].get("endpointslice.kubernetes.io/managed-by")
    return bool(manager == "inflight.dev")


def test_a_service_is_adopted_and_given_back(tenant: Tenant) -> None:
    make_service(tenant)
    tenant.deploy(labels={})
    tenant.wait_for_pods(1)
    wait_for_answers(tenant)
    load = tenant.load(path="/?sleep=50", workers=2)
    changes = {"metadata": {"labels": ENABLED, "annotations": ADOPT}}
    tenant.cluster.patch(tenant.deployment(), changes)
    eventually(lambda: not selector_of(tenant), "the selector is gone")
    eventually(
        lambda: slices_of(tenant) and all(map(is_ours, slices_of(tenant))),
        "all slices are ours",
    )
    result = load.stop()
    assert set(result.statuses) == {"200"}, result
    assert not result.errors
    # It is a revision like any other.
    wait_for_zero(tenant)
    assert tenant.get().statuses == {"200": 1}
    # Somebody's pipeline puts the selector back, and it is taken away again.
    service = tenant.cluster.find("v1", "Service", "iris", tenant.name)
    assert service is not None
    tenant.cluster.patch(service, {"spec": {"selector": {"app": "iris"}}})
    eventually(lambda: not selector_of(tenant), "the selector is gone again")
    # With label and annotation gone, the Service is as it was.
    gone: Json = {
        "labels": {"inflight.dev/enabled": None},
        "annotations": {"inflight.dev/adopt-service": None},
    }
    tenant.cluster.patch(tenant.deployment(), {"metadata": gone})
    eventually(lambda: selector_of(tenant) == {"app": "iris"}, "the selector is back")
    eventually(
        lambda: slices_of(tenant) and not any(map(is_ours, slices_of(tenant))),
        "no slice is ours",
    )
    eventually(
        lambda: not tenant.deployment()["metadata"].get("finalizers"), "the finalizer is gone"
    )


def test_a_deleted_deployment_gives_its_service_back(tenant: Tenant) -> None:
    make_service(tenant)
    deployment = tenant.deploy(annotations=ADOPT)
    eventually(lambda: not selector_of(tenant), "the selector is gone")
    tenant.cluster.delete(deployment)
    find = ("apps/v1", "Deployment", "iris", tenant.name)
    eventually(lambda: not tenant.cluster.find(*find), "the Deployment is gone")
    assert selector_of(tenant) == {"app": "iris"}


def test_a_service_that_nobody_gave_is_left_alone(tenant: Tenant) -> None:
    make_service(tenant)
    tenant.deploy()
    eventually(
        lambda: any(
            "there is a Service iris that is not ours" in event
            for event in tenant.cluster.events_of("iris", tenant.name)
        ),
        "an event says what is in the way",
    )
    assert selector_of(tenant) == {"app": "iris"}
    assert not tenant.cluster.find("v1", "Service", "iris-private", tenant.name)


def test_pods_without_sidecar_are_refused_with_one_event(tenant: Tenant) -> None:
    # They were there before their Deployment was enabled.
    tenant.deploy(labels={}, pod_labels={})
    tenant.wait_for_pods(1)
    tenant.cluster.patch(tenant.deployment(), {"metadata": {"labels": ENABLED}})

    def refusals() -> list[str]:
        events = tenant.cluster.events_of("iris", tenant.name)
        return [event for event in events if event.startswith("NotManaged")]

    eventually(refusals, "an event says what is in the way")
    (said,) = refusals()
    assert "its pod template has no label inflight.dev/enabled" in said
    assert not tenant.cluster.find("v1", "Service", "iris", tenant.name)
    changes = {"spec": {"template": {"metadata": {"labels": ENABLED}}}}
    tenant.cluster.patch(tenant.deployment(), changes)
    wait_for_answers(tenant)


def test_a_deployment_that_an_hpa_scales_is_refused(tenant: Tenant) -> None:
    hpa = tenant.cluster.create(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "somebodys", "namespace": tenant.name},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "iris"},
                "maxReplicas": 2,
            },
        }
    )
    tenant.deploy()
    eventually(
        lambda: any(
            "its replicas are written by HorizontalPodAutoscaler somebodys" in event
            for event in tenant.cluster.events_of("iris", tenant.name)
        ),
        "an event says what is in the way",
    )
    tenant.cluster.delete(hpa)
    wait_for_answers(tenant)


def test_two_tenants_have_services_of_one_name(make_tenant: Callable[[], Tenant]) -> None:
    tenants = [make_tenant(), make_tenant()]
    for tenant in tenants:
        tenant.deploy(environment={"TENANT": tenant.name})
        wait_for_answers(tenant)
    for tenant in tenants:
        wait_for_zero(tenant)
    for tenant in tenants:
        result = tenant.get()
        assert result.statuses == {"200": 1}
        (pod,) = result.pods
        assert pod in {one["metadata"]["name"] for one in tenant.pods()}
    first, second = tenants
    assert not set(first.get().pods) & set(second.get().pods)


def test_a_paused_deployment_keeps_its_replicas(tenant: Tenant, installation: Installation) -> None:
    del installation
    deployment = tenant.deploy()
    wait_for_answers(tenant)
    tenant.wait_for_pods(1)
    tenant.cluster.patch(deployment, {"metadata": {"annotations": {"inflight.dev/paused": "true"}}})
    tenant.cluster.patch(deployment, {"spec": {"replicas": 2}})
    tenant.wait_for_pods(2)
    assert tenant.get().statuses == {"200": 1}
    assert tenant.deployment()["spec"]["replicas"] == 2
