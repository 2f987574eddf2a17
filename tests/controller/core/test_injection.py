import copy
import json
from dataclasses import replace

import pytest

from controller.core.injection import Json, inject
from queueproxy.config import Config
from servingkit.config import ConfigError
from tests.controller.core.pods import SETTINGS, environment_of, model, pod, sidecar_of


def _injected(given: Json) -> Json:
    return inject(given, "iris", SETTINGS)


def _refused(given: Json) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        _injected(given)
    return {problem.key: str(problem) for problem in caught.value.problems}


def test_a_pod_without_the_label_is_left_alone() -> None:
    for labels in ({}, {"inflight.dev/enabled": "false"}):
        given = pod() | {"metadata": {"labels": labels}}
        assert _injected(given) is given


def test_injecting_twice_is_injecting_once() -> None:
    once = _injected(pod())
    assert _injected(once) == once


def test_the_given_pod_is_not_changed() -> None:
    given = pod(model(readinessProbe={"httpGet": {"path": "/", "port": "http"}}))
    before = copy.deepcopy(given)
    _injected(given)
    assert given == before


def test_a_native_sidecar_is_the_last_init_container_and_stays() -> None:
    result = _injected(pod(initContainers=[{"name": "download", "image": "download:1"}]))
    assert [c["name"] for c in result["spec"]["initContainers"]] == ["download", "queue-proxy"]
    assert sidecar_of(result)["restartPolicy"] == "Always"


def test_a_plain_sidecar_is_a_container_after_the_model() -> None:
    result = inject(pod(), "iris", replace(SETTINGS, native=False))
    assert [c["name"] for c in result["spec"]["containers"]] == ["model", "queue-proxy"]
    assert "restartPolicy" not in sidecar_of(result)


def test_the_sidecar_starts_with_what_it_is_given() -> None:
    result = _injected(
        pod(
            model(readinessProbe={"httpGet": {"path": "/ready", "port": "http"}}),
            annotations={"inflight.dev/container-concurrency": "7"},
        )
    )
    at_start = {"SERVING_NAMESPACE": "team", "SERVING_POD": "iris-1", "SERVING_POD_IP": "10.0.0.1"}
    config = Config.from_env(environment_of(result) | at_start)
    assert (config.user_port, config.container_concurrency, config.revision) == (8080, 7, "iris")
    (probe,) = config.readiness_probes
    assert (probe.path, probe.port) == ("/ready", 8080)
    from_fields = {e["name"]: e["valueFrom"] for e in sidecar_of(result)["env"] if "value" not in e}
    assert set(from_fields) == set(at_start)


def test_the_models_readiness_probe_moves_into_the_sidecar() -> None:
    probe = {"httpGet": {"path": "/ready", "port": "http"}, "failureThreshold": 5}
    result = _injected(pod(model(readinessProbe={**probe, "initialDelaySeconds": 3})))
    assert "readinessProbe" not in result["spec"]["containers"][0]
    assert json.loads(environment_of(result)["SERVING_READINESS_PROBE"]) == {
        "httpGet": {"path": "/ready", "port": 8080},
        "periodSeconds": 10,
        "timeoutSeconds": 1,
    }
    asked = sidecar_of(result)["readinessProbe"]
    assert asked["httpGet"]["port"] == 8012
    assert asked["httpGet"]["httpHeaders"] == [{"name": "K-Network-Probe", "value": "queue"}]
    assert (asked["failureThreshold"], asked["initialDelaySeconds"]) == (5, 3)


def test_a_grpc_probe_moves_with_its_service() -> None:
    probe = {"grpc": {"port": 9000, "service": "health"}, "periodSeconds": 2, "timeoutSeconds": 4}
    result = _injected(pod(model(readinessProbe=probe)))
    assert json.loads(environment_of(result)["SERVING_READINESS_PROBE"]) == probe


@pytest.mark.parametrize(
    "action",
    [
        {"exec": {"command": ["true"]}},
        {"httpGet": {"path": "/", "port": 8443, "scheme": "HTTPS"}},
        {"httpGet": {"path": "/", "port": 8080, "host": "example.com"}},
        {"tcpSocket": {"port": "unknown"}},
    ],
    ids=["exec", "over TLS", "of another host", "of a port that has no number"],
)
def test_a_probe_that_the_sidecar_cannot_run_stays_with_the_model(action: Json) -> None:
    result = _injected(pod(model(readinessProbe=action)))
    assert result["spec"]["containers"][0]["readinessProbe"] == action
    assert environment_of(result)["SERVING_READINESS_PROBE"] == "{}"


def test_without_a_probe_the_sidecar_waits_for_the_port_and_the_kubelet_asks_often() -> None:
    result = _injected(pod())
    assert environment_of(result)["SERVING_READINESS_PROBE"] == "{}"
    assert sidecar_of(result)["readinessProbe"]["periodSeconds"] == 1


def test_other_probes_and_other_containers_keep_what_they_have() -> None:
    probe = {"httpGet": {"path": "/", "port": 8080}}
    helper = {"name": "helper", "image": "helper:1", "readinessProbe": probe}
    result = _injected(pod(model(livenessProbe=probe, startupProbe=probe), helper))
    first, second = result["spec"]["containers"]
    assert first["livenessProbe"] == first["startupProbe"] == probe
    assert second == helper


def test_both_get_their_hooks() -> None:
    result = _injected(pod())
    hooks = [
        c["lifecycle"]["preStop"]["httpGet"]
        for c in (result["spec"]["containers"][0], sidecar_of(result))
    ]
    assert hooks == [{"path": "/wait-for-drain", "port": 8022}, {"path": "/drain", "port": 8022}]


_FLUSH = {"preStop": {"exec": {"command": ["flush"]}}, "postStart": {"exec": {"command": ["x"]}}}


def test_a_hook_that_is_there_must_be_decided_on() -> None:
    problems = _refused(pod(model(lifecycle=_FLUSH)))
    assert "replace or keep, since container 'model'" in problems["inflight.dev/pre-stop"]


def test_a_hook_can_be_kept() -> None:
    kept = _injected(pod(model(lifecycle=_FLUSH), annotations={"inflight.dev/pre-stop": "keep"}))
    assert kept["spec"]["containers"][0]["lifecycle"] == _FLUSH


def test_a_hook_can_be_replaced_and_others_stay() -> None:
    asked = {"inflight.dev/pre-stop": "replace"}
    lifecycle = _injected(pod(model(lifecycle=_FLUSH), annotations=asked))["spec"]["containers"][0][
        "lifecycle"
    ]
    assert lifecycle["preStop"] == {"httpGet": {"path": "/wait-for-drain", "port": 8022}}
    assert lifecycle["postStart"] == _FLUSH["postStart"]


def test_a_hook_that_only_sleeps_is_what_the_drain_replaces() -> None:
    result = _injected(pod(model(lifecycle={"preStop": {"sleep": {"seconds": 5}}})))
    assert "sleep" not in result["spec"]["containers"][0]["lifecycle"]["preStop"]


@pytest.mark.parametrize(
    ("given", "annotations", "grace_s"),
    [
        ({}, {}, 330),
        ({"terminationGracePeriodSeconds": 5}, {}, 305),
        ({"terminationGracePeriodSeconds": 0}, {"inflight.dev/timeout-seconds": "10.5"}, 30),
        ({}, {"inflight.dev/timeout-seconds": "2", "inflight.dev/drain-quiet-seconds": "4"}, 34),
    ],
)
def test_the_grace_period_has_room_for_the_drain(
    given: Json, annotations: dict[str, str], grace_s: int
) -> None:
    result = _injected(pod(annotations=annotations, **given))
    assert result["spec"]["terminationGracePeriodSeconds"] == grace_s


def test_of_several_containers_the_one_with_a_port_is_the_model() -> None:
    helper = {"name": "helper", "image": "helper:1"}
    assert environment_of(_injected(pod(helper, model())))["USER_PORT"] == "8080"


def test_of_several_with_ports_one_must_be_named() -> None:
    other = model(name="other", ports=[{"containerPort": 9000}])
    problems = _refused(pod(model(), other))
    assert "which of the pod's containers is the model: model, other" in str(problems)
    asked = {"inflight.dev/container": "other"}
    assert environment_of(_injected(pod(model(), other, annotations=asked)))["USER_PORT"] == "9000"


def test_a_container_that_is_not_there_is_refused() -> None:
    problems = _refused(pod(annotations={"inflight.dev/container": "modle"}))
    assert problems["inflight.dev/container"].startswith("inflight.dev/container: 'modle'; ")


_TWO_PORTS = [
    {"name": "http", "containerPort": 8080},
    {"name": "admin", "containerPort": 8081},
    {"name": "gossip", "containerPort": 8082, "protocol": "UDP"},
]


def test_of_several_ports_one_must_be_named() -> None:
    problems = _refused(pod(model(ports=_TWO_PORTS)))
    assert "container 'model' serves (it names http, admin)" in problems["inflight.dev/port"]


@pytest.mark.parametrize(("port", "number"), [("admin", "8081"), ("8000", "8000")])
def test_a_port_can_be_named_or_numbered(port: str, number: str) -> None:
    asked = {"inflight.dev/port": port}
    assert environment_of(_injected(pod(model(ports=_TWO_PORTS), annotations=asked)))[
        "USER_PORT"
    ] == (number)


def test_a_port_that_nobody_names_is_refused() -> None:
    assert "it names none" in str(_refused(pod(model(ports=[]))))
    assert "it names http" in str(_refused(pod(annotations={"inflight.dev/port": "grpc-web"})))


def test_ports_of_the_sidecar_are_refused_for_others() -> None:
    clash = {"name": "helper", "image": "h", "ports": [{"name": "stats", "containerPort": 9090}]}
    problems = _refused(pod(model(), clash, annotations={"inflight.dev/container": "model"}))
    assert "9090" in problems["port stats of container helper"]
    assert "8012" in _refused(pod(annotations={"inflight.dev/port": "8012"}))["inflight.dev/port"]


def test_a_udp_port_of_the_same_number_is_no_clash() -> None:
    ports = [{"containerPort": 8080}, {"containerPort": 9090, "protocol": "UDP"}]
    assert sidecar_of(_injected(pod(model(ports=ports))))


def test_a_port_that_speaks_http2_is_refused() -> None:
    assert "HTTP/1.1" in str(_refused(pod(model(ports=[{"name": "h2c", "containerPort": 8080}]))))


def test_the_network_of_the_node_is_refused() -> None:
    assert "false: two sidecars on one node" in _refused(pod(hostNetwork=True))["spec.hostNetwork"]


def test_resources_of_the_pod_go_over_those_installed() -> None:
    installed = {"requests": {"cpu": "25m", "memory": "40Mi"}, "limits": {"memory": "200Mi"}}
    asked = {"queue.sidecar.serving.knative.dev/cpu-resource-request": "1"}
    result = inject(pod(annotations=asked), "iris", replace(SETTINGS, resources=installed))
    assert sidecar_of(result)["resources"] == {
        "requests": {"cpu": "1", "memory": "40Mi"},
        "limits": {"memory": "200Mi"},
    }


def test_the_user_can_be_left_to_the_cluster() -> None:
    assert sidecar_of(_injected(pod()))["securityContext"]["runAsUser"] == 65_532
    context = sidecar_of(inject(pod(), "iris", replace(SETTINGS, run_as_user=None)))
    assert "runAsUser" not in context["securityContext"]
