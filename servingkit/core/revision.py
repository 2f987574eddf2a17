"""What a revision and a pod are, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


class RevisionId(NamedTuple):
    """Identity of one version of a service that scales as one; on Kubernetes a Deployment."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Address(NamedTuple):
    """Where to connect: a host or IP, and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A revision with its settings, as the cluster states them."""

    id: RevisionId

    uid: str
    """Changes when a revision of the same name is deleted and made again."""

    annotations: Mapping[str, str] = field(default_factory=dict)
    """Scaling settings under Knative's names; `autoscaler.core.settings` reads them."""

    container_concurrency: int = 0
    """Requests one pod may run at once. 0: no limit. A pod's probe answer says what is in force."""

    timeout_s: float = 300.0
    """Longest time a request may take, held time included."""

    hosts: tuple[str, ...] = ()
    """Host names, besides the cluster's own, by which a request finds this revision."""

    activator_port: int = 0
    """Port on every activator that belongs to this revision alone. 0: not assigned yet."""


class PodState(Enum):
    """Where a pod stands in its life."""

    STARTING = "starting"
    READY = "ready"
    TERMINATING = "terminating"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One pod as the cluster sees it. `name` is unique among all pods of all time."""

    name: str
    state: PodState

    serving: Address
    """The sidecar's request port (8012 on Kubernetes)."""

    stats: Address
    """The sidecar's port for `Stat` (9090 on Kubernetes)."""

    metrics: Address | None = None
    """A Prometheus page with the model's own metrics in it: the sidecar's, if it merges them (9091
    on Kubernetes). None: there is none."""

    created_at: float
    """When the pod was made, on the monotonic clock of this machine."""

    scheduled_at: float | None = None
    """When the pod got its node, on the same clock. None: unknown."""

    started_at: float | None = None
    """When its containers were started, on the same clock. None: unknown, or not yet."""


class Mode(Enum):
    """Who receives a revision's traffic at its public endpoints."""

    SERVE = "serve"
    """The pods themselves."""

    PROXY = "proxy"
    """The activators."""
