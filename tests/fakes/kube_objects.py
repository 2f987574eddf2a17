"""Kubernetes objects as tests put them into the fake API."""

import json

from tests.fakes.kube_api import Object

ENABLED = {"inflight.dev/enabled": "true"}
NAMESPACE = "shop"


def private_service(
    name: str = "iris",
    *,
    activator_port: int = 20000,
    uid: str = "uid-1",
    namespace: str = NAMESPACE,
    **settings: str,
) -> Object:
    record = {
        "uid": uid,
        "kind": "Deployment",
        "settings": {
            f"inflight.dev/{key.replace('_', '-')}": text for key, text in settings.items()
        },
    }
    return {
        "metadata": {
            "name": f"{name}-private",
            "namespace": namespace,
            "labels": {"inflight.dev/service": "private", "inflight.dev/revision": name},
            "annotations": {
                "inflight.dev/record": json.dumps(record),
                "inflight.dev/activator-port": str(activator_port),
            },
        },
        "spec": {"selector": {"app": name}},
    }


def private_slice(
    *endpoints: Object, name: str = "iris", port: int = 8012, namespace: str = NAMESPACE
) -> Object:
    return {
        "metadata": {
            "name": f"{name}-private-abcde",
            "namespace": namespace,
            "labels": {
                "kubernetes.io/service-name": f"{name}-private",
                "inflight.dev/service": "private",
            },
        },
        "addressType": "IPv4",
        "endpoints": list(endpoints),
        "ports": [{"name": "http", "port": port}],
    }


def endpoint(name: str, host: str = "127.0.0.1", *, ready: bool = True) -> Object:
    return {
        "addresses": [host],
        "conditions": {"ready": ready, "serving": ready, "terminating": False},
        "targetRef": {"kind": "Pod", "name": name},
    }


def deployment(
    name: str = "iris",
    *,
    namespace: str = NAMESPACE,
    replicas: int = 0,
    annotations: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
) -> Object:
    """A Deployment with our label on itself and on its pods."""
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": ENABLED if labels is None else labels,
            "annotations": annotations or {},
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name, **ENABLED}},
                "spec": {"containers": [{"name": "model", "ports": [{"containerPort": 8080}]}]},
            },
        },
    }


def service(name: str = "iris", **spec: object) -> Object:
    """A Service that somebody has for a Deployment's pods."""
    return {
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {}},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "10.96.0.10",
            "selector": {"app": name},
            "ports": [{"name": "", "port": 80, "targetPort": 8080, "protocol": "TCP"}],
            **spec,
        },
    }


def activator_slice(*endpoints: Object, namespace: str = "inflight-system") -> Object:
    """The slice of the activators' own Service."""
    return {
        "metadata": {
            "name": "inflight-activator-abcde",
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": "inflight-activator"},
        },
        "addressType": "IPv4",
        "endpoints": list(endpoints),
        "ports": [{"name": "http", "port": 8012}],
    }
