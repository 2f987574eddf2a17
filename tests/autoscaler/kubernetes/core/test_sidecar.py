from autoscaler.kubernetes.core.sidecar import (
    has_sidecar,
    model_port,
    resolve_port,
    sidecar_ports,
)
from servingkit.cluster.kubernetes.core.objects import (
    Container,
    ContainerPort,
    ObjectMeta,
    PodSpec,
    PodTemplate,
    Workload,
    WorkloadSpec,
)

MODEL = Container("model", [ContainerPort(8080, "web"), ContainerPort(9000, "grpc")])
SIDECAR = Container(
    "queue-proxy", [ContainerPort(18012, "queue-port"), ContainerPort(19090, "http-autometric")]
)


def workload(*containers: Container, port: str = "") -> Workload:
    annotations = {"inflight.dev/port": port} if port else {}
    template = PodTemplate(ObjectMeta(annotations=annotations), PodSpec(list(containers)))
    return Workload(spec=WorkloadSpec(template=template))


def test_a_native_sidecar_counts() -> None:
    assert has_sidecar(PodSpec([MODEL], [SIDECAR]))
    assert has_sidecar(PodSpec([MODEL, SIDECAR]))
    assert not has_sidecar(PodSpec([MODEL]))


def test_the_sidecar_names_its_ports_or_has_the_usual_ones() -> None:
    assert sidecar_ports(PodSpec([MODEL], [SIDECAR])) == (18012, 19090)
    assert sidecar_ports(PodSpec([MODEL], [Container("queue-proxy")])) == (8012, 9090)


def test_ports_are_found_by_number_or_name() -> None:
    spec = PodSpec([MODEL])
    assert resolve_port(spec, 1234) == 1234
    assert resolve_port(spec, "1234") == 1234
    assert resolve_port(spec, "grpc") == 9000
    assert resolve_port(spec, "none") is None


def test_where_the_model_listens() -> None:
    assert model_port(workload(MODEL)) is None  # one of two
    assert model_port(workload(MODEL, port="web")) == 8080
    assert model_port(workload(Container("model", [ContainerPort(7000)]), SIDECAR)) == 7000
