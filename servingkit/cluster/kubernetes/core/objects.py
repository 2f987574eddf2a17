"""Kubernetes objects, as far as they are read here.

Everything else in them is skipped while the JSON is decoded, so that a cache of ten thousand pods
holds what is used of them. Nothing is ever written back whole: writes are patches that name what
they change.
"""

from typing import TypeVar

from msgspec import Struct, field

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class OwnerReference(Struct, rename="camel"):
    """Who an object belongs to."""

    kind: str
    name: str
    uid: str
    controller: bool | None = None


class ObjectMeta(Struct, rename="camel"):
    """Who an object is, and what is written on it."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    creation_timestamp: str = ""
    deletion_timestamp: str = ""
    """RFC 3339; empty while nobody has asked for the deletion."""

    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    finalizers: list[str] | None = None
    owner_references: list[OwnerReference] | None = None

    def __post_init__(self) -> None:
        """Drop the copy of the whole object that kubectl leaves in an annotation."""
        if self.annotations is not None:
            self.annotations.pop(_LAST_APPLIED, None)

    def label(self, key: str) -> str:
        """Return a label; empty when there is none."""
        return (self.labels or {}).get(key, "")

    def annotation(self, key: str) -> str | None:
        """Return an annotation; None when there is none."""
        return (self.annotations or {}).get(key)

    @property
    def controller(self) -> OwnerReference | None:
        """The owner that keeps this object as it is."""
        owners = self.owner_references or ()
        return next((owner for owner in owners if owner.controller), None)


class ApiObject(Struct, rename="camel"):
    """What all objects have; on its own it is enough for a bookmark or a bare reference."""

    metadata: ObjectMeta = field(default_factory=ObjectMeta)


ObjectT = TypeVar("ObjectT", bound=ApiObject)


# --- workloads -----------------------------------------------------------------------------------


class SelectorRequirement(Struct, rename="camel"):
    """One expression of a label selector."""

    key: str
    operator: str
    values: list[str] | None = None


class LabelSelector(Struct, rename="camel"):
    """Which pods belong to a workload."""

    match_labels: dict[str, str] | None = None
    match_expressions: list[SelectorRequirement] | None = None


class ContainerPort(Struct, rename="camel"):
    """A port that a container names."""

    container_port: int
    name: str = ""


class Container(Struct, rename="camel"):
    """A container, as far as its name and its ports tell what it is."""

    name: str
    ports: list[ContainerPort] | None = None


class PodSpec(Struct, rename="camel"):
    """The containers of a pod."""

    containers: list[Container] = []
    init_containers: list[Container] | None = None

    @property
    def all_containers(self) -> list[Container]:
        """Return the containers, native sidecars included."""
        return [*(self.init_containers or ()), *self.containers]


class PodTemplate(Struct, rename="camel"):
    """What the pods of a workload are made from."""

    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: PodSpec = field(default_factory=PodSpec)


class WorkloadSpec(Struct, rename="camel"):
    """What Deployments have in common with everything else that has a scale."""

    replicas: int = 1
    selector: LabelSelector = field(default_factory=LabelSelector)
    template: PodTemplate = field(default_factory=PodTemplate)


class Workload(ApiObject, rename="camel"):
    """A Deployment, or another kind with replicas, a selector and a template."""

    spec: WorkloadSpec = field(default_factory=WorkloadSpec)


# --- pods ----------------------------------------------------------------------------------------


class Condition(Struct, rename="camel"):
    """One condition of a status."""

    type: str
    status: str


class PodStatus(Struct, rename="camel"):
    """Where a pod is and how it is."""

    phase: str = ""
    pod_ip: str = field(default="", name="podIP")
    conditions: list[Condition] | None = None


class PodObject(ApiObject, rename="camel"):
    """A pod as the API server has it."""

    spec: PodSpec = field(default_factory=PodSpec)
    status: PodStatus = field(default_factory=PodStatus)


# --- services ------------------------------------------------------------------------------------


class ServicePort(Struct, rename="camel"):
    """One port of a Service."""

    port: int
    name: str = ""
    protocol: str = "TCP"
    target_port: int | str | None = None
    app_protocol: str | None = None


class ServiceSpec(Struct, rename="camel"):
    """Where a Service sends what it gets."""

    type: str = "ClusterIP"
    cluster_ip: str = field(default="", name="clusterIP")
    selector: dict[str, str] | None = None
    ports: list[ServicePort] | None = None


class ServiceObject(ApiObject, rename="camel"):
    """A Service."""

    spec: ServiceSpec = field(default_factory=ServiceSpec)


class ObjectReference(Struct, rename="camel"):
    """Another object."""

    kind: str = ""
    name: str = ""
    uid: str = ""
    api_version: str = ""


class EndpointConditions(Struct, rename="camel"):
    """Whether an endpoint takes traffic. None is to be read as the API defines it for each."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class Endpoint(Struct, rename="camel"):
    """One address behind a Service."""

    addresses: list[str] = []
    conditions: EndpointConditions = field(default_factory=EndpointConditions)
    target_ref: ObjectReference | None = None


class EndpointPort(Struct, rename="camel"):
    """A port on every endpoint of a slice, for the Service port of the same name."""

    port: int | None = None
    name: str = ""
    protocol: str = "TCP"
    app_protocol: str | None = None


class EndpointSlice(ApiObject, rename="camel"):
    """A part of a Service's endpoints."""

    address_type: str = "IPv4"
    endpoints: list[Endpoint] | None = None
    ports: list[EndpointPort] | None = None


# --- others --------------------------------------------------------------------------------------


class ScaleTarget(Struct, rename="camel"):
    """Whose replicas an autoscaler writes."""

    kind: str = ""
    name: str = ""


class HorizontalPodAutoscalerSpec(Struct, rename="camel"):
    """Whom a HorizontalPodAutoscaler scales, and how."""

    scale_target_ref: ScaleTarget = field(default_factory=ScaleTarget)
    min_replicas: int | None = None
    max_replicas: int = 0
    metrics: list[dict[str, object]] | None = None
    behavior: dict[str, object] | None = None


class HorizontalPodAutoscaler(ApiObject, rename="camel"):
    """A HorizontalPodAutoscaler."""

    spec: HorizontalPodAutoscalerSpec = field(default_factory=HorizontalPodAutoscalerSpec)


class ScaledObjectTarget(Struct, rename="camel"):
    """Whose replicas KEDA writes; without a kind a Deployment's."""

    name: str = ""
    kind: str = "Deployment"


class ScaledObjectSpec(Struct, rename="camel"):
    """The part of a ScaledObject that says whom it scales."""

    scale_target_ref: ScaledObjectTarget = field(default_factory=ScaledObjectTarget)


class ScaledObject(ApiObject, rename="camel"):
    """KEDA's order to scale a workload. While it is paused it has no HorizontalPodAutoscaler."""

    spec: ScaledObjectSpec = field(default_factory=ScaledObjectSpec)


class LeaseSpec(Struct, rename="camel"):
    """Who holds a Lease and since when."""

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class Lease(ApiObject, rename="camel"):
    """A Lease."""

    spec: LeaseSpec = field(default_factory=LeaseSpec)
