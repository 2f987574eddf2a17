"""What holds for every pod that the API server may show to the webhook."""

import base64
import copy
import json
from typing import Any

import jsonpatch
import kubernetes_validate
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.core.admission import mutate, validate
from tests.controller.core.pods import SETTINGS, Json

_NAMES = st.sampled_from(["model", "http", "metrics", "a", "h2c"])
_PORT_NUMBERS = st.sampled_from([80, 8080, 8000, 65_535, 8012])
_SECONDS = st.integers(1, 600)


def _object(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[Json]:
    """Return objects with all required fields and any of the others."""
    return st.fixed_dictionaries(
        {
            name: value if isinstance(value, st.SearchStrategy) else st.just(value)
            for name, value in required.items()
        },
        optional=optional,
    )


_PORT = _object(
    {"containerPort": _PORT_NUMBERS},
    {
        "name": _NAMES,
        "protocol": st.sampled_from(["TCP", "UDP", "SCTP"]),
        "hostPort": _PORT_NUMBERS,
    },
)
_TARGET = st.one_of(_PORT_NUMBERS, _NAMES)
_HTTP = _object(
    {"port": _TARGET},
    {
        "path": st.sampled_from(["/", "/ready?x=1", ""]),
        "scheme": st.sampled_from(["HTTP", "HTTPS"]),
        "host": st.sampled_from(["", "localhost", "example.com"]),
        "httpHeaders": st.just([{"name": "Host", "value": "a"}]),
    },
)
_ACTION = st.one_of(
    st.builds(lambda it: {"httpGet": it}, _HTTP),
    st.builds(lambda it: {"tcpSocket": {"port": it}}, _TARGET),
    st.builds(lambda it: {"grpc": {"port": it}}, _PORT_NUMBERS),
    st.just({"exec": {"command": ["true"]}}),
)
_THRESHOLDS = _object(
    {},
    {
        "initialDelaySeconds": st.integers(0, 60),
        "periodSeconds": _SECONDS,
        "timeoutSeconds": _SECONDS,
        "failureThreshold": st.integers(1, 30),
    },
)
_PROBE = st.builds(lambda action, bounds: {**action, **bounds}, _ACTION, _THRESHOLDS)
_HOOK = st.sampled_from(
    [{"exec": {"command": ["sleep", "5"]}}, {"sleep": {"seconds": 5}}, {"httpGet": {"port": 80}}]
)


def _container(name: st.SearchStrategy[str]) -> st.SearchStrategy[Json]:
    return _object(
        {"name": name, "image": "model:1"},
        {
            "ports": st.one_of(st.none(), st.lists(_PORT, max_size=3)),
            "readinessProbe": _PROBE,
            "livenessProbe": _PROBE,
            "startupProbe": _PROBE,
            "lifecycle": _object({}, {"preStop": _HOOK, "postStart": _HOOK}),
            "restartPolicy": st.just("Always"),
            "command": st.lists(st.text(max_size=3), max_size=2),
        },
    )


_CONTAINER_NAMES = st.sampled_from(["model", "helper", "istio-proxy"])
_ANNOTATIONS: st.SearchStrategy[dict[str, str]] = st.builds(
    dict,
    st.lists(
        st.sampled_from(
            [
                ("inflight.dev/port", "8080"),
                ("inflight.dev/port", "http"),
                ("inflight.dev/container", "model"),
                ("inflight.dev/pre-stop", "keep"),
                ("inflight.dev/pre-stop", "replace"),
                ("inflight.dev/timeout-seconds", "90.5"),
                ("inflight.dev/timeout-seconds", "1e300"),
                ("inflight.dev/container-concurrency", "10"),
                ("inflight.dev/drain-quiet-seconds", "nan"),
                ("queue.sidecar.serving.knative.dev/cpu-resource-request", "100m"),
                ("example.com/other", "\u2028"),
            ]
        ),
        max_size=3,
    ),
)
_POD = _object(
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _object(
            {"labels": {"inflight.dev/enabled": "true", "pod-template-hash": "5d"}},
            {
                "annotations": _ANNOTATIONS,
                "generateName": st.just("iris-5d-"),
                "ownerReferences": st.just(
                    [
                        {
                            "apiVersion": "apps/v1",
                            "kind": "ReplicaSet",
                            "name": "iris-5d",
                            "uid": "1",
                            "controller": True,
                        }
                    ]
                ),
            },
        ),
        "spec": _object(
            {
                "containers": st.lists(
                    _container(_CONTAINER_NAMES),
                    min_size=1,
                    max_size=2,
                    unique_by=lambda c: c["name"],
                )
            },
            {
                "initContainers": st.lists(_container(st.just("init")), max_size=1),
                "hostNetwork": st.sampled_from([False, False, True]),
                "terminationGracePeriodSeconds": st.integers(0, 3600),
                "volumes": st.just([{"name": "scratch", "emptyDir": {}}]),
            },
        ),
    },
    {},
)


def _review(reviewed: Json) -> Json:
    return {"request": {"uid": "7", "namespace": "shop", "object": reviewed}}


def _patched(pod: Json) -> Json | None:
    """Return the pod as the API server makes it of our answer; None: it was refused."""
    answer = json.loads(json.dumps(mutate(_review(pod), SETTINGS)))["response"]
    assert answer["uid"] == "7"
    if not answer["allowed"]:
        assert answer["status"]["message"]
        return None
    patch = json.loads(base64.b64decode(answer.get("patch", "W10=")))
    patched: Json = jsonpatch.apply_patch(pod, patch)
    return patched


@settings(deadline=None, max_examples=200)
@given(_POD)
def test_a_pod_is_injected_once_and_for_all_or_refused_in_words(pod: Json) -> None:
    before = copy.deepcopy(pod)
    patched = _patched(pod)
    assert pod == before
    if patched is not None:
        everyone = [*patched["spec"].get("initContainers", ()), *patched["spec"]["containers"]]
        assert [it["name"] for it in everyone].count("queue-proxy") == 1
        assert _patched(patched) == patched
        kubernetes_validate.validate(patched, "1.29", strict=True)


@settings(deadline=None, max_examples=200)
@given(_POD)
def test_a_workload_is_allowed_just_when_its_pods_will_be(pod: Json) -> None:
    template = {"metadata": pod["metadata"], "spec": pod["spec"]}
    workload = {"metadata": {"name": "iris"}, "spec": {"template": template}}
    allowed = validate(_review(workload), SETTINGS)["response"]["allowed"]
    assert allowed is (_patched(pod) is not None)
