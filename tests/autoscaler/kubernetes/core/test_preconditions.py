import msgspec
import pytest

from autoscaler.core.defaults import Defaults
from autoscaler.kubernetes.core.preconditions import (
    Surroundings,
    client_address,
    other_ports,
    request_ports,
    scaled_by_keda,
    what_is_in_the_way,
)
from servingkit.cluster.kubernetes.core.objects import (
    HorizontalPodAutoscaler,
    ScaledObject,
    ServiceObject,
    Workload,
)
from tests.fakes.kube_api import Object, merge
from tests.fakes.kube_objects import deployment, service


def workload(changes: Object | None = None, name: str = "iris") -> Workload:
    return msgspec.convert(merge(deployment(name), changes or {}), Workload)


def some_service(name: str = "iris", **spec: object) -> ServiceObject:
    return msgspec.convert(service(name, **spec), ServiceObject)


def said(
    one: Workload,
    *,
    private: ServiceObject | None = None,
    public: ServiceObject | None = None,
    scalers: tuple[HorizontalPodAutoscaler, ...] = (),
) -> str | None:
    around = Surroundings(private, public, scalers)
    return what_is_in_the_way("Deployment", one, around, Defaults())


def annotated(**annotations: str) -> Object:
    keys = {f"autoscaling.knative.dev/{key}": text for key, text in annotations.items()}
    return {"metadata": {"annotations": keys}}


def test_nothing_is_in_the_way_of_an_ordinary_deployment() -> None:
    assert said(workload()) is None


@pytest.mark.parametrize(
    ("changes", "name", "problem"),
    [
        pytest.param({}, "1st-model", "must also be a Service's", id="begins with a digit"),
        pytest.param({}, "a.b", "must also be a Service's", id="has a dot"),
        pytest.param({}, "a" * 56, "at most 55", id="too long"),
        pytest.param(
            {"spec": {"template": {"metadata": {"labels": {"inflight.dev/enabled": None}}}}},
            "iris",
            "its pod template has no label",
            id="template without label",
        ),
        pytest.param(
            {"spec": {"selector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}},
            "iris",
            "matchLabels alone",
            id="expressions",
        ),
        pytest.param(
            annotated(**{"min-scale": "many", "target": "-1"}),
            "iris",
            "autoscaling.knative.dev/min-scale: 'many'; expected",
            id="bad settings",
        ),
        pytest.param(
            {
                "spec": {
                    "template": {
                        "metadata": {"annotations": {"inflight.dev/container-concurrency": "x"}}
                    }
                }
            },
            "iris",
            "inflight.dev/container-concurrency: 'x'",
            id="bad limit",
        ),
        pytest.param(
            annotated(**{"class": "keda.example.com"}), "iris", "Inflight has", id="other class"
        ),
    ],
)
def test_what_is_wrong_with_a_workload(changes: Object, name: str, problem: str) -> None:
    found = said(workload(changes, name))
    assert found is not None
    assert problem in found


def test_all_bad_settings_are_said_at_once() -> None:
    found = said(workload(annotated(**{"min-scale": "many", "target": "-1"})))
    assert found is not None
    assert "autoscaling.knative.dev/target: '-1'" in found


def scaler(kind: str, name: str) -> HorizontalPodAutoscaler:
    return msgspec.convert(
        {"metadata": {"name": "hpa"}, "spec": {"scaleTargetRef": {"kind": kind, "name": name}}},
        HorizontalPodAutoscaler,
    )


def test_another_writer_of_the_replicas() -> None:
    found = said(workload(), scalers=(scaler("Deployment", "iris"),))
    assert found is not None
    assert "written by HorizontalPodAutoscaler hpa" in found
    assert said(workload(), scalers=(scaler("StatefulSet", "iris"),)) is None
    assert said(workload(), scalers=(scaler("Deployment", "bert"),)) is None


def test_services_of_somebody_else() -> None:
    assert "that is not ours" in (said(workload(), public=some_service()) or "")
    assert "that is not ours" in (said(workload(), private=some_service("iris-private")) or "")


def adopting(name: str = "iris") -> Workload:
    return workload({"metadata": {"annotations": {"inflight.dev/adopt-service": name}}})


def test_a_service_to_adopt_must_be_there_and_free() -> None:
    assert "there is no Service iris" in (said(adopting()) or "")
    taken = some_service()
    taken.metadata.annotations = {"inflight.dev/adopted-by": "bert"}
    assert "was adopted by bert" in (said(adopting(), public=taken) or "")
    assert said(adopting(), public=some_service()) is None


def test_the_port_that_leads_to_the_model_is_the_one_for_requests() -> None:
    ports = [
        {"name": "web", "port": 80, "targetPort": 8080},
        {"name": "debug", "port": 5005, "targetPort": 5005},
    ]
    adopted = some_service(ports=ports)
    assert [port.name for port in request_ports(adopting(), adopted)] == ["web"]
    assert [(one.service_port.name, one.number) for one in other_ports(adopting(), adopted)] == [
        ("debug", 5005)
    ]


def test_an_only_port_is_for_requests_wherever_it_leads() -> None:
    adopted = some_service(ports=[{"name": "", "port": 80, "targetPort": "unknown"}])
    assert [port.port for port in request_ports(adopting(), adopted)] == [80]
    assert other_ports(adopting(), adopted) == []


def test_clients_connect_to_a_port_that_leads_to_the_model() -> None:
    ports = [
        {"name": "debug", "port": 5005, "targetPort": 5005},
        {"name": "web", "port": 8000, "targetPort": 8080},
    ]
    adopted = some_service(ports=ports)
    assert client_address(adopting(), adopted) == ("10.96.0.10", 8000)
    assert client_address(adopting(), some_service(ports=ports, clusterIP="")) is None


def test_clients_of_a_service_of_ours_connect_where_a_person_has_put_its_port() -> None:
    ours = some_service(ports=[{"name": "http", "port": 8888, "targetPort": 8012}])
    ours.metadata.labels = {"inflight.dev/revision": "iris"}
    assert client_address(workload(), ours) == ("10.96.0.10", 8888)
    ours.spec.ports = []
    assert client_address(workload(), ours) is None


@pytest.mark.parametrize(
    ("target", "writes"),
    [
        pytest.param({"name": "iris"}, True, id="no kind: a Deployment"),
        pytest.param({"name": "iris", "kind": "Deployment"}, True, id="this one"),
        pytest.param({"name": "iris", "kind": "StatefulSet"}, False, id="another kind"),
        pytest.param({"name": "bert"}, False, id="another name"),
    ],
)
def test_a_scaled_object_writes_whom_it_names(target: Object, *, writes: bool) -> None:
    one = msgspec.convert(
        {"metadata": {"name": "nightly"}, "spec": {"scaleTargetRef": target}}, ScaledObject
    )
    assert (scaled_by_keda("Deployment", workload(), [one]) is not None) == writes
