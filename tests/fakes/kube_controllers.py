"""What a cluster's controllers and kubelets do for our tests, on the fake API.

Deployments get pods, which are ready at once, and go by deletion cost; Services with a selector get
a slice. Pods are where a test says: their sidecars are servers of the test on this machine.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

from tests.fakes.kube_api import KubeApi, Object

SLICES = "endpointslices.discovery.k8s.io"
DEPLOYMENTS = "deployments.apps"


class Ports(NamedTuple):
    """Where a pod's sidecar listens."""

    serving: int
    stats: int


NOWHERE = Ports(1, 1)


def _no_ports(_: str) -> Ports:
    return NOWHERE


class Controllers:
    """Reconciles after each change; `pod_is_ready` and `ports_of` decide about new pods."""

    def __init__(self, kube: KubeApi, ports_of: Callable[[str], Ports] = _no_ports) -> None:
        self.kube = kube
        self.ports_of = ports_of
        self.injects = True
        """Whether new pods get the sidecar."""

        self.ready = True
        """Whether new pods become ready."""

        self._numbers = itertools.count(1)
        kube.after_change.append(self.reconcile)

    def reconcile(self) -> None:
        for deployment in self.kube.all(DEPLOYMENTS):
            self._scale(deployment)
        for service in self.kube.all("services"):
            self._follow(service)

    def pods_of(self, deployment: Object) -> list[Object]:
        metadata = deployment["metadata"]
        return [
            pod
            for pod in self.kube.all("pods", metadata["namespace"])
            if pod["metadata"]["labels"].get("app") == metadata["name"]
        ]

    def _scale(self, deployment: Object) -> None:
        pods = self.pods_of(deployment)
        surplus = len(pods) - deployment["spec"].get("replicas", 1)
        if surplus > 0:
            for pod in sorted(pods, key=_deletion_cost)[:surplus]:
                metadata = pod["metadata"]
                self.kube.remove("pods", metadata["namespace"], metadata["name"])
        for _ in range(-surplus):
            self._make_pod(deployment)

    def _make_pod(self, deployment: Object) -> None:
        metadata = deployment["metadata"]
        name = f"{metadata['name']}-7d9f-{next(self._numbers):03d}"
        ports = self.ports_of(name)
        containers = [{"name": "model", "ports": [{"containerPort": 8080}]}]
        if self.injects:
            sidecar_ports = [
                {"name": "queue-port", "containerPort": ports.serving},
                {"name": "http-autometric", "containerPort": ports.stats},
            ]
            containers.append({"name": "queue-proxy", "ports": sidecar_ports})
        ready = "True" if self.ready else "False"
        owner = {
            "kind": "ReplicaSet",
            "name": f"{metadata['name']}-7d9f",
            "uid": f"rs-of-{metadata['uid']}",
            "controller": True,
        }
        self.kube.put(
            "pods",
            {
                "metadata": {
                    "name": name,
                    "namespace": metadata["namespace"],
                    "labels": deployment["spec"]["template"]["metadata"]["labels"],
                    "ownerReferences": [owner],
                },
                "spec": {"containers": containers},
                "status": {
                    "phase": "Running",
                    "podIP": "127.0.0.1",
                    "conditions": [{"type": "Ready", "status": ready}],
                },
            },
        )

    def _follow(self, service: Object) -> None:
        metadata, selector = service["metadata"], service["spec"].get("selector")
        if not selector or metadata.get("deletionTimestamp"):
            return
        endpoints = [
            {
                "addresses": [pod["status"]["podIP"]],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "targetRef": {"kind": "Pod", "name": pod["metadata"]["name"]},
            }
            for pod in self.kube.all("pods", metadata["namespace"])
            if selector.items() <= pod["metadata"]["labels"].items()
        ]
        owner = {"kind": "Service", "name": metadata["name"], "uid": metadata["uid"]}
        wanted: Object = {
            "metadata": {
                "name": f"{metadata['name']}-by-controller",
                "namespace": metadata["namespace"],
                "labels": {
                    **metadata.get("labels", {}),
                    "kubernetes.io/service-name": metadata["name"],
                    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                },
                "ownerReferences": [owner],
            },
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": [{"name": "http", "port": 8012, "protocol": "TCP"}],
        }
        present = self.kube.get(SLICES, metadata["namespace"], wanted["metadata"]["name"])
        if present is None or present["endpoints"] != endpoints:
            self.kube.put(SLICES, wanted)


def _deletion_cost(pod: Object) -> tuple[int, str]:
    annotations = pod["metadata"].get("annotations") or {}
    cost = int(annotations.get("controller.kubernetes.io/pod-deletion-cost", "0"))
    return cost, pod["metadata"]["name"]
