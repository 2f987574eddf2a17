import pytest
import yaml
from kubernetes.client.exceptions import ApiException

from controller.core.injection import SidecarSettings
from inflight.inject.manifests import inject_stream
from tests.cluster.cluster import Json, eventually
from tests.cluster.installation import Installation
from tests.cluster.tenant import Tenant

pytestmark = pytest.mark.cluster


def _sidecar(pod: Json) -> Json:
    everyone = [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]
    found: Json = next(c for c in everyone if c["name"] == "queue-proxy")
    return found


def test_a_labelled_deployment_gets_sidecars_and_gets_ready(tenant: Tenant) -> None:
    tenant.deploy(pod_annotations={"inflight.dev/container-concurrency": "3"})
    (pod,) = tenant.wait_for_pods(1)
    environment = {e["name"]: e.get("value") for e in _sidecar(pod)["env"]}
    assert environment["SERVING_REVISION"] == "iris"
    assert environment["CONTAINER_CONCURRENCY"] == "3"
    assert "readinessProbe" not in pod["spec"]["containers"][0]


def test_pods_without_the_label_are_left_alone(tenant: Tenant) -> None:
    tenant.deploy(labels={}, pod_labels={})
    (pod,) = tenant.wait_for_pods(1)
    assert [c["name"] for c in pod["spec"]["containers"]] == ["model"]
    assert not pod["spec"].get("initContainers")


def test_a_bad_annotation_is_refused_when_it_is_applied(tenant: Tenant) -> None:
    with pytest.raises(ApiException) as caught:
        tenant.deploy(pod_annotations={"inflight.dev/container-concurrency": "many"})
    assert "inflight.dev/container-concurrency: 'many'; expected" in str(caught.value.body)


def test_a_pod_is_refused_even_if_its_workload_was_not_looked_at(tenant: Tenant) -> None:
    bad = {"inflight.dev/port": "8012"}
    tenant.deploy(labels={}, pod_annotations=bad)  # without the label it is not validated
    eventually(
        lambda: [
            event
            for it in tenant.cluster.list_all("apps/v1", "ReplicaSet", tenant.name)
            for event in tenant.cluster.events_of(it["metadata"]["name"], tenant.name)
            if "inflight.dev/port: '8012'" in event
        ],
        "the ReplicaSet's event names the annotation",
    )
    assert tenant.pods() == []


def _assert_deleted_in_order(tenant: Tenant) -> None:
    """Delete the pod while it has a request."""
    (pod,) = tenant.wait_for_pods(1)
    load = tenant.load(pod["status"]["podIP"], port=8012, path="/?sleep=3000", requests=1)
    eventually(lambda: load.result().sent == 1, "the request is under way")
    tenant.cluster.delete(pod)
    assert load.wait().statuses == {"200": 1}
    name = pod["metadata"]["name"]
    eventually(lambda: not tenant.cluster.find("v1", "Pod", name, tenant.name), "the pod is gone")


def test_a_deleted_pod_answers_what_it_has_and_goes(tenant: Tenant) -> None:
    tenant.deploy(labels={})  # nobody scales it
    _assert_deleted_in_order(tenant)


@pytest.mark.parametrize("native", [True, False], ids=["native", "plain"])
def test_a_manifest_that_was_injected_before_is_left_as_it_is(
    tenant: Tenant, installation: Installation, *, native: bool
) -> None:
    settings = SidecarSettings(image=installation.sidecar_image, native=native, drain_quiet_s=5.0)
    injected = tenant.deploy(
        labels={},
        prepare=lambda manifest: yaml.safe_load(
            inject_stream(yaml.safe_dump(manifest), "iris", settings)
        ),
    )
    (pod,) = tenant.wait_for_pods(1)
    places = ("initContainers", "containers")
    assert [_names(pod, it) for it in places] == [
        _names(injected["spec"]["template"], it) for it in places
    ]
    assert _names(pod, places[0] if native else places[1])[-1] == "queue-proxy"
    _assert_deleted_in_order(tenant)


def _names(pod: Json, place: str) -> list[str]:
    return [container["name"] for container in pod["spec"].get(place, ())]
