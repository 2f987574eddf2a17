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
