"""Pods for the tests of injection."""

from typing import Any

from controller.core.injection import SidecarSettings

Json = dict[str, Any]
SETTINGS = SidecarSettings(image="example.com/queueproxy:1")


def pod(*containers: Json, annotations: dict[str, str] | None = None, **spec: object) -> Json:
    return {
        "metadata": {"labels": {"inflight.dev/enabled": "true"}, "annotations": annotations or {}},
        "spec": {"containers": list(containers or (model(),)), **spec},
    }


def model(**fields: object) -> Json:
    ports = [{"name": "http", "containerPort": 8080}]
    return {"name": "model", "image": "model:1", "ports": ports, **fields}


def sidecar_of(pod: Json) -> Json:
    everyone = [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]
    found: Json = next(c for c in everyone if c["name"] == "queue-proxy")
    return found


def environment_of(pod: Json) -> dict[str, str]:
    return {item["name"]: item["value"] for item in sidecar_of(pod)["env"] if "value" in item}
