"""The two programs of a pod, model and sidecar: commands, environments, ports."""

import json
import sys
from typing import NamedTuple, Self

from inflight.local.child_process import Program
from inflight.local.node import HOST, Node
from inflight.local.ports import PortAllocator
from inflight.local.settings import RevisionSettings

MODEL_METRICS = "inflight.dev/model-metrics"
"""Annotation with the place of the model's own metrics, which the sidecar then merges into its."""


class PodPorts(NamedTuple):
    """The ports that one pod listens on; on Kubernetes each pod has an address for them."""

    model: int
    serving: int
    admin: int
    stats: int
    metrics: int

    @classmethod
    def take(cls, ports: PortAllocator) -> Self:
        """Take a set of free ports. Raises NoFreePortError."""
        return cls(*(ports.take() for _ in cls._fields))


def model_program(name: str, settings: RevisionSettings, ports: PodPorts, node: Node) -> Program:
    """Return how to start the model server of the pod called `name`."""
    return Program(
        command=settings.command,
        environment={
            **node.environment,
            "PYTHONUNBUFFERED": "1",  # so that the log has the last words of a killed model
            **settings.environment,
            "PORT": str(ports.model),
            "K_REVISION": settings.id.name,
            "K_CONFIGURATION": settings.id.name,
            "K_SERVICE": settings.id.name,
        },
        directory=settings.directory,
        log_path=node.log_directory / f"{name}.model.log",
    )


def sidecar_program(name: str, settings: RevisionSettings, ports: PodPorts, node: Node) -> Program:
    """Return how to start the queueproxy of the pod called `name`: Knative's environment."""
    return Program(
        command=(sys.executable, "-m", "queueproxy"),
        environment={
            **node.environment,
            "CONTAINER_CONCURRENCY": str(settings.container_concurrency),
            "QUEUE_SERVING_PORT": str(ports.serving),
            "QUEUE_SERVING_TLS_PORT": "0",
            "USER_PORT": str(ports.model),
            "REVISION_TIMEOUT_SECONDS": str(settings.timeout_s),
            "SERVING_NAMESPACE": settings.id.namespace,
            "SERVING_CONFIGURATION": settings.id.name,
            "SERVING_REVISION": settings.id.name,
            "SERVING_POD": name,
            "SERVING_POD_IP": HOST,
            "SERVING_LOGGING_CONFIG": "",
            "SERVING_LOGGING_LEVEL": "info",
            "SERVING_READINESS_PROBE": json.dumps(_readiness_probe(settings, ports)),
            "INFLIGHT_LISTEN_HOST": HOST,
            "INFLIGHT_ADMIN_PORT": str(ports.admin),
            "INFLIGHT_STATS_PORT": str(ports.stats),
            "INFLIGHT_METRICS_PORT": str(ports.metrics),
            "INFLIGHT_MODEL_METRICS": settings.annotations.get(MODEL_METRICS, ""),
            "INFLIGHT_DRAIN_QUIET_SECONDS": f"{node.drain_quiet_s:g}",
        },
        directory=None,
        log_path=node.log_directory / f"{name}.sidecar.log",
    )


def _readiness_probe(settings: RevisionSettings, ports: PodPorts) -> dict[str, object]:
    """Return the probe with the model's port in it, whatever port it named: there is but one."""
    probe = dict(settings.readiness_probe or {"tcpSocket": {}})
    for action in ("httpGet", "tcpSocket", "grpc"):
        if action in probe:
            details = probe[action]
            probe[action] = {**(details if isinstance(details, dict) else {}), "port": ports.model}
    return probe
