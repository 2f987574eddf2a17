from typing import Any

import pytest
import yaml

from controller.core.injection import SidecarSettings
from inflight.inject.manifests import inject_stream
from servingkit.config import ConfigError

_SETTINGS = SidecarSettings(image="example.com/queueproxy:1")

_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: iris, labels: {inflight.dev/enabled: "true"}}
spec:
  template:
    metadata:
      labels: {app: iris, inflight.dev/enabled: "true"}
    spec:
      containers:
      - {name: model, image: "model:1", ports: [{containerPort: 8080}]}
"""
_SERVICE = """\
# A comment that must live.
apiVersion: v1
kind: Service
metadata: {name:   iris}   # odd spaces too
"""


def _inject(text: str) -> str:
    return inject_stream(text, "iris.yaml", _SETTINGS)


def _sidecars(text: str) -> list[Any]:
    found = []
    for document in yaml.safe_load_all(text):
        for item in document.get("items", [document]):
            spec = item.get("spec", {})
            pod = item if item["kind"] == "Pod" else spec.get("template", {})
            found += pod.get("spec", {}).get("initContainers", [])
    return found


def test_a_deployment_gets_the_sidecar_with_its_own_name() -> None:
    (sidecar,) = _sidecars(_inject(_DEPLOYMENT))
    assert {"name": "SERVING_REVISION", "value": "iris"} in sidecar["env"]


def test_other_documents_stay_to_the_letter() -> None:
    text = f"{_SERVICE}---\n{_DEPLOYMENT}--- # last\n{_SERVICE}"
    result = _inject(text)
    assert result.startswith(f"{_SERVICE}---\napiVersion: apps/v1\n")
    assert result.endswith(f"--- # last\n{_SERVICE}")
    assert len(_sidecars(result)) == 1


def test_a_stream_with_nothing_to_do_is_the_same_stream() -> None:
    for text in ("", "---\n", _SERVICE, f"---\n{_SERVICE}---\n", "[1, 2]\n", "items: 3\n"):
        assert _inject(text) == text


def test_injecting_twice_is_injecting_once() -> None:
    once = _inject(_DEPLOYMENT)
    assert _inject(once) == once


def test_a_pod_and_a_list_are_injected() -> None:
    pod = {
        "kind": "Pod",
        "metadata": {"name": "iris", "labels": {"inflight.dev/enabled": "true"}},
        "spec": {"containers": [{"name": "m", "image": "m", "ports": [{"containerPort": 80}]}]},
    }
    items = [pod, yaml.safe_load(_DEPLOYMENT), yaml.safe_load(_SERVICE)]
    result = _inject(yaml.safe_dump({"kind": "List", "items": items}))
    assert len(_sidecars(result)) == 2


def test_json_is_read_too() -> None:
    text = '{"kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": []}}'
    assert _inject(text) == text


@pytest.mark.parametrize(
    ("written", "instead", "problem"),
    [
        (
            'inflight.dev/enabled: "true"}\n    spec',
            "inflight.dev/enabled: true}\n    spec",
            "labels",
        ),
        (
            "ports: [{containerPort: 8080}]",
            "ports: [8080]",
            "spec.containers[0].ports[0]: 'a whole",
        ),
        (
            "containerPort: 8080",
            "containerPort: '8080'",
            "containerPort: 'a text'; expected a whole",
        ),
        (
            "containers:",
            "containers: 5\n      other:",
            "spec.containers: 'a whole number'; expected a",
        ),
        ("    spec:\n", "    other:\n", "spec: not set; expected to be there"),
        ("name: model", "title: model", "spec.containers[0].name: not set"),
        (
            "app: iris, inflight",
            "app: 5, inflight",
            "metadata.labels.app: '5'; expected a text; put it in quotes",
        ),
    ],
)
def test_what_kubernetes_would_not_take_is_named(written: str, instead: str, problem: str) -> None:
    assert written in _DEPLOYMENT
    with pytest.raises(ConfigError) as caught:
        _inject(_DEPLOYMENT.replace(written, instead))
    (only,) = map(str, caught.value.problems)
    assert only.startswith("iris.yaml, document 1, Deployment iris, ")
    assert problem in only


@pytest.mark.parametrize("text", ["kind: Pod\nmetadata: 5\n", "kind: Deployment\nspec: [1]\n"])
def test_what_is_no_manifest_is_left_alone(text: str) -> None:
    assert _inject(text) == text


def test_what_is_nested_too_deep_is_refused() -> None:
    with pytest.raises(ConfigError, match="nested too deep"):
        _inject("[" * 5000)


def test_all_that_is_wrong_is_named_with_its_place() -> None:
    bad = _DEPLOYMENT.replace("containerPort: 8080", "containerPort: 8012")
    unlabelled = _DEPLOYMENT.replace("labels: {app: iris, inflight.dev/enabled", "labels: {x")
    with pytest.raises(ConfigError) as caught:
        _inject(f"{bad}---\n{unlabelled}---\nkind: [\n")
    first, second, third = map(str, caught.value.problems)
    assert first.startswith("iris.yaml, document 1, Deployment iris, port of container model: '80")
    assert "document 2, Deployment iris, spec.template.metadata.labels: not set" in second
    assert "document 3: not set; expected YAML" in third
