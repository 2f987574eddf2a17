"""The objects that are written for a revision, as JSON."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from servingkit.cluster.kubernetes.core.names import (
    ACTIVATOR_PORT,
    MANAGED_BY,
    PRIVATE,
    PUBLIC,
    RECORD,
    REVISION_LABEL,
    SERVICE_NAME,
    SERVICE_ROLE,
    SERVING_PORT_NAME,
    STATS_PORT_NAME,
    US,
    private_name,
)
from servingkit.cluster.kubernetes.core.objects import ObjectMeta, ServicePort, Workload
from servingkit.cluster.kubernetes.core.record import Record, write_record
from servingkit.cluster.kubernetes.core.resource import Resource
from servingkit.core.revision import Address, RevisionId
from servingkit.core.sidecar import SERVING_PORT, STATS_PORT

Json = dict[str, object]

_CLIENT_PORT = 80
_MOST_ENDPOINTS = 1000
"""The API's limit for one slice."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The workload that a revision is."""

    revision: RevisionId
    resource: Resource
    kind: str
    uid: str

    @property
    def reference(self) -> Json:
        """Return what makes the API server delete an object together with the workload."""
        return {
            "apiVersion": self.resource.api_version,
            "kind": self.kind,
            "name": self.revision.name,
            "uid": self.uid,
        }

    @property
    def involved(self) -> Json:
        """Return the workload as an Event names it."""
        return {**self.reference, "namespace": self.revision.namespace}


def private_service(owner: Owner, workload: Workload, record: Record, activator_port: int) -> Json:
    """Return the Service that selects a revision's pods, and records the revision."""
    name = owner.revision.name
    return {
        "metadata": {
            "name": private_name(name),
            "labels": {SERVICE_ROLE: PRIVATE, REVISION_LABEL: name},
            "annotations": {RECORD: write_record(record), ACTIVATOR_PORT: str(activator_port)},
            "ownerReferences": [owner.reference],
        },
        "spec": {
            "type": "ClusterIP",
            "selector": dict(workload.spec.selector.match_labels or {}),
            "ports": [
                _port(SERVING_PORT_NAME, _CLIENT_PORT, SERVING_PORT),
                _port(STATS_PORT_NAME, STATS_PORT, STATS_PORT),
            ],
        },
    }


def public_service(owner: Owner) -> Json:
    """Return the Service that clients use; it selects nothing, its slices are written by us."""
    name = owner.revision.name
    return {
        "metadata": {
            "name": name,
            "labels": {SERVICE_ROLE: PUBLIC, REVISION_LABEL: name},
            "ownerReferences": [owner.reference],
        },
        "spec": {
            "type": "ClusterIP",
            "ports": [_port(SERVING_PORT_NAME, _CLIENT_PORT, SERVING_PORT)],
        },
    }


def own_ports() -> list[ServicePort]:
    """Return the ports of a public Service that we make, as those of an adopted one are read."""
    return [ServicePort(port=_CLIENT_PORT, name=SERVING_PORT_NAME, target_port=SERVING_PORT)]


@dataclass(frozen=True, slots=True)
class PortOfSlice:
    """A Service port, and the port behind it on each endpoint."""

    service_port: ServicePort
    number: int


def public_slices(
    owner: Owner, service: str, part: str, hosts: Iterable[str], ports: Sequence[PortOfSlice]
) -> dict[str, Json]:
    """Return the slices that send a Service's ports to `hosts`, by their names.

    A slice has addresses of one family, and at most a thousand; `part` tells the slices of some
    ports from those of others.
    """
    families: dict[str, list[str]] = {}
    for host in hosts:
        families.setdefault("IPv6" if ":" in host else "IPv4", []).append(host)
    slices = {}
    for family, members in families.items():
        for start in range(0, len(members), _MOST_ENDPOINTS):
            name = f"{service}-{part}-{family[-2:].lower()}-{start // _MOST_ENDPOINTS}"
            chunk = members[start : start + _MOST_ENDPOINTS]
            slices[name] = _slice(owner, service, name, family, chunk, ports)
    return slices


def addresses_of(addresses: Iterable[Address]) -> list[str]:
    """Return the hosts of some addresses, in a fixed order."""
    return sorted({address.host for address in addresses if address.host})


def horizontal_pod_autoscaler(owner: Owner, spec: Mapping[str, object]) -> Json:
    """Return the HorizontalPodAutoscaler of a revision of that class."""
    return {
        "metadata": {
            "name": owner.revision.name,
            "labels": {REVISION_LABEL: owner.revision.name},
            "ownerReferences": [owner.reference],
        },
        "spec": {
            "scaleTargetRef": {
                "apiVersion": owner.resource.api_version,
                "kind": owner.kind,
                "name": owner.revision.name,
            },
            **spec,
        },
    }


def is_ours(metadata: ObjectMeta) -> bool:
    """Tell whether a Service or another object was made by us."""
    return bool(metadata.label(REVISION_LABEL))


def _slice(
    owner: Owner,
    service: str,
    name: str,
    family: str,
    hosts: Iterable[str],
    ports: Sequence[PortOfSlice],
) -> Json:
    return {
        "metadata": {
            "name": name,
            "labels": {
                SERVICE_NAME: service,
                MANAGED_BY: US,
                REVISION_LABEL: owner.revision.name,
            },
            "ownerReferences": [owner.reference],
        },
        "addressType": family,
        "endpoints": [{"addresses": [host], "conditions": {"ready": True}} for host in hosts],
        "ports": [_slice_port(port) for port in ports],
    }


def _slice_port(port: PortOfSlice) -> Json:
    told = port.service_port
    protocol = {"appProtocol": told.app_protocol} if told.app_protocol else {}
    return {"name": told.name, "port": port.number, "protocol": told.protocol, **protocol}


def _port(name: str, port: int, target_port: int) -> Json:
    return {"name": name, "port": port, "targetPort": target_port, "protocol": "TCP"}
