"""A namespace with models in it, and a client that loads them from inside the cluster."""

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from kubernetes.client.exceptions import ApiException

from tests.cluster.cluster import Cluster, Json, eventually, restricted_namespace

_PROGRAMS = Path(__file__).parent / "programs"
_SCRIPTS = "scripts"
_CLIENT_PORT = 8000
ENABLED = {"inflight.dev/enabled": "true"}


class Result(NamedTuple):
    """What came of a load."""

    done: bool
    statuses: dict[str, int]
    pods: dict[str, int]
    """Answers by the pod that gave them."""

    peaks: dict[str, int]
    """Requests that a pod's model ran at once at most."""

    errors: list[str]
    slowest_s: float
    sent: int
    """Requests that went out, answered or not."""


class Load:
    """Requests under way."""

    def __init__(self, tenant: "Tenant", run: int) -> None:
        self._tenant = tenant
        self._run = run

    def result(self) -> Result:
        """Return what came of it so far."""
        return Result(**self._tenant.ask_client("GET", f"/result?id={self._run}"))

    def stop(self) -> Result:
        """Let each worker finish its request, and return what came of all."""
        self._tenant.ask_client("POST", f"/stop?id={self._run}", {})
        return self.wait()

    def wait(self) -> Result:
        """Return the result when all is done."""

        def finished() -> Result | None:
            result = self.result()
            return result if result.done else None

        return eventually(finished, "the load is done")


class Tenant:
    """One namespace."""

    def __init__(self, cluster: Cluster, image: str) -> None:
        self.cluster = cluster
        self.name = f"inflight-test-{uuid.uuid4().hex[:8]}"
        self._image = image
        self._client: Json | None = None

    def start(self) -> None:
        """Make the namespace, with the programs that run in it."""
        self.cluster.create(restricted_namespace(self.name))
        scripts = {path.name: path.read_text() for path in _PROGRAMS.glob("*.py")}
        metadata = {"name": _SCRIPTS, "namespace": self.name}
        account = ("v1", "ServiceAccount", "default", self.name)
        eventually(lambda: self.cluster.find(*account), "the namespace has its account")
        self.cluster.create(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": scripts}
        )

    def stop(self) -> None:
        """Remove the namespace with all that is in it."""
        self.cluster.delete(restricted_namespace(self.name))

    # --- models ----------------------------------------------------------------------------------

    def deploy(  # noqa: PLR0913 -- a manifest has many parts
        self,
        name: str = "iris",
        *,
        replicas: int = 1,
        annotations: dict[str, str] | None = None,
        pod_annotations: dict[str, str] | None = None,
        pod_labels: dict[str, str] | None = None,
        environment: dict[str, str] | None = None,
        labels: dict[str, str] | None = None,
        prepare: Callable[[Json], Json] = lambda manifest: manifest,
    ) -> Json:
        """Make a Deployment of models, enabled unless other labels are given.

        `prepare` has the manifest before the cluster has it.
        """
        labels = ENABLED if labels is None else labels
        pod_labels = ENABLED if pod_labels is None else pod_labels
        container = self._container("model", "model.py", 8080, environment or {})
        container["readinessProbe"] = {
            "httpGet": {"path": "/ready", "port": 8080},
            "periodSeconds": 1,
        }
        return self.cluster.create(
            prepare(
                {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "metadata": {
                        "name": name,
                        "namespace": self.name,
                        "labels": {"app": name, **labels},
                        "annotations": annotations or {},
                    },
                    "spec": {
                        "replicas": replicas,
                        "selector": {"matchLabels": {"app": name}},
                        "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
                        "template": {
                            "metadata": {
                                "labels": {"app": name, **pod_labels},
                                "annotations": pod_annotations or {},
                            },
                            "spec": {
                                "containers": [container],
                                "volumes": [{"name": _SCRIPTS, "configMap": {"name": _SCRIPTS}}],
                            },
                        },
                    },
                }
            )
        )

    def deployment(self, name: str = "iris") -> Json:
        """Return a Deployment as it is now."""
        found = self.cluster.find("apps/v1", "Deployment", name, self.name)
        assert found is not None
        return found

    def pods(self, name: str = "iris") -> list[Json]:
        """Return a Deployment's pods that are not being deleted."""
        found = self.cluster.list_all("v1", "Pod", self.name, f"app={name}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def ready_pods(self, name: str = "iris") -> list[Json]:
        """Return those that are ready."""
        return [
            pod
            for pod in self.pods(name)
            for it in pod.get("status", {}).get("conditions", ())
            if it["type"] == "Ready" and it["status"] == "True"
        ]

    def wait_for_pods(self, number: int, name: str = "iris") -> list[Json]:
        """Return the pods once exactly so many are there, and ready."""

        def settled() -> tuple[list[Json]] | None:
            pods, ready = self.pods(name), self.ready_pods(name)
            return (ready,) if len(pods) == len(ready) == number else None

        (pods,) = eventually(settled, f"{name} has {number} ready pods and no other")
        return pods

    # --- load ------------------------------------------------------------------------------------

    def load(  # noqa: PLR0913 -- and so has an order
        self,
        host: str = "iris",
        *,
        port: int = 80,
        path: str = "/",
        workers: int = 1,
        after_s: float = 0.0,
        seconds: float = 0.0,
        requests: int = 0,
        keep_alive: bool = True,
    ) -> Load:
        """Start sending requests, `after_s` from now; 0 seconds or requests: no such limit.

        `host` is an address, or the name of a Service in this namespace.
        """
        order = {
            "host": host if host[0].isdigit() else f"{host}.{self.name}.svc",
            "port": port,
            "path": path,
            "workers": workers,
            "after_s": after_s,
            "seconds": seconds,
            "requests": requests,
            "keep_alive": keep_alive,
        }
        return Load(self, self.ask_client("POST", "/start", order)["id"])

    def get(self, host: str = "iris", *, port: int = 80, path: str = "/") -> Result:
        """Send one request and wait for its answer."""
        return self.load(host, port=port, path=path, requests=1).wait()

    def ask_client(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 -- JSON
        """Tell the client's pod something."""
        client = self._client = self._client or self._start_client()
        ends_at = time.monotonic() + 60
        while True:
            try:
                return self.cluster.call_pod(client, _CLIENT_PORT, method, path, body)
            except ApiException as error:
                # Only what certainly was not carried out is said a second time.
                if (method != "GET" and error.status != 503) or time.monotonic() > ends_at:
                    raise
                time.sleep(0.5)

    def _start_client(self) -> Json:
        container = self._container("client", "client.py", _CLIENT_PORT, {})
        container["readinessProbe"] = {"httpGet": {"path": "/", "port": _CLIENT_PORT}}
        self.cluster.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "client", "namespace": self.name, "labels": {"app": "client"}},
                "spec": {
                    "containers": [container],
                    "terminationGracePeriodSeconds": 1,
                    "volumes": [{"name": _SCRIPTS, "configMap": {"name": _SCRIPTS}}],
                },
            }
        )
        (client,) = self.wait_for_pods(1, "client")
        return client

    def _container(self, name: str, script: str, port: int, environment: dict[str, str]) -> Json:
        return {
            "name": name,
            "image": self._image,
            "command": ["python3", f"/{_SCRIPTS}/{script}"],
            "env": [{"name": key, "value": value} for key, value in environment.items()],
            "ports": [{"containerPort": port}],
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "runAsNonRoot": True,
                "runAsUser": 1000,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "volumeMounts": [{"name": _SCRIPTS, "mountPath": f"/{_SCRIPTS}"}],
        }
