import base64
import json

import jsonpatch
import pytest

from controller.core.admission import mutate, revision_of, validate
from controller.core.injection import Json, inject
from servingkit.config import ConfigError
from tests.controller.core.pods import SETTINGS, environment_of, model, pod


def _review(reviewed: Json) -> Json:
    return {"kind": "AdmissionReview", "request": {"uid": "u-1", "object": reviewed}}


def _owned_pod(kind: str, name: str) -> Json:
    result = pod()
    result["metadata"]["labels"]["pod-template-hash"] = "7d9c8f"
    owner = {"kind": kind, "name": name, "controller": True}
    result["metadata"]["ownerReferences"] = [{"kind": "Other", "name": "x"}, owner]
    return result


def _deployment(template: Json) -> Json:
    labels = {"inflight.dev/enabled": "true"}
    return {"metadata": {"name": "iris", "labels": labels}, "spec": {"template": template}}


def test_the_patch_makes_the_pod_that_injection_makes() -> None:
    probe = {"httpGet": {"path": "/", "port": "http"}}
    given = pod(model(readinessProbe=probe), initContainers=[{"name": "download", "image": "d"}])
    answer = mutate(_review(given), SETTINGS)["response"]
    assert (answer["uid"], answer["allowed"], answer["patchType"]) == ("u-1", True, "JSONPatch")
    patch = json.loads(base64.b64decode(answer["patch"]))
    assert jsonpatch.apply_patch(given, patch) == inject(given, "", SETTINGS)


def test_the_patch_does_not_replace_the_pod_as_a_whole() -> None:
    answer = mutate(_review(pod()), SETTINGS)["response"]
    paths = {step["path"] for step in json.loads(base64.b64decode(answer["patch"]))}
    assert not paths & {"", "/spec", "/spec/containers", "/spec/containers/0"}


def test_what_needs_no_sidecar_gets_no_patch() -> None:
    done: tuple[Json, Json] = ({"spec": {}}, inject(pod(), "iris", SETTINGS))
    for given in done:
        assert mutate(_review(given), SETTINGS)["response"] == {"uid": "u-1", "allowed": True}


def test_a_refusal_names_everything_that_is_wrong() -> None:
    annotations = {"inflight.dev/request-log": "yes", "inflight.dev/prot": "8080"}
    answer = mutate(_review(pod(annotations=annotations)), SETTINGS)["response"]
    assert answer["allowed"] is False
    assert answer["status"]["code"] == 422
    assert "inflight.dev/request-log: 'yes'; expected true or false" in answer["status"]["message"]
    assert "inflight.dev/prot: '8080'; expected one of these" in answer["status"]["message"]


@pytest.mark.parametrize(
    "review", [{}, {"request": None}, {"request": {"uid": "u"}}, {"request": {"uid": 1}}, []]
)
def test_what_is_no_review_is_refused(review: Json) -> None:
    with pytest.raises(ConfigError, match="an AdmissionReview"):
        mutate(review, SETTINGS)


@pytest.mark.parametrize(
    ("kind", "owner", "revision"),
    [
        ("ReplicaSet", "iris-7d9c8f", "iris"),
        ("ReplicaSet", "made-by-hand", "made-by-hand"),
        ("StatefulSet", "iris", "iris"),
    ],
)
def test_a_pod_knows_its_workload(kind: str, owner: str, revision: str) -> None:
    assert revision_of(_owned_pod(kind, owner)) == revision


def test_a_pod_without_a_workload_is_its_own() -> None:
    assert revision_of({"metadata": {"name": "iris"}}) == "iris"
    assert revision_of({"metadata": {"generateName": "iris-"}}) == "iris"


def test_the_sidecar_is_told_the_workloads_name() -> None:
    given = _owned_pod("ReplicaSet", "iris-7d9c8f")
    answer = mutate(_review(given), SETTINGS)["response"]
    patched = jsonpatch.apply_patch(given, json.loads(base64.b64decode(answer["patch"])))
    assert environment_of(patched)["SERVING_REVISION"] == "iris"


def test_a_workload_whose_pods_would_be_refused_is_refused() -> None:
    bad = _deployment(pod(annotations={"inflight.dev/port": "0"}))
    answer = validate(_review(bad), SETTINGS)["response"]
    assert answer["allowed"] is False
    assert "inflight.dev/port: '0'" in answer["status"]["message"]


def test_a_good_workload_passes_without_a_patch() -> None:
    answer = validate(_review(_deployment(pod())), SETTINGS)["response"]
    assert answer == {"uid": "u-1", "allowed": True}


def test_a_workload_whose_pods_lack_the_label_is_warned_of() -> None:
    answer = validate(_review(_deployment({"metadata": {}, "spec": {}})), SETTINGS)["response"]
    assert answer["allowed"] is True
    assert "its pods get no sidecar" in answer["warnings"][0]
