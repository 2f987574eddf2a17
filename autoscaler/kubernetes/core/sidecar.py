"""What a pod or a pod template says of the sidecar and of the model's port."""

from servingkit.cluster.kubernetes.core.names import PORT, STATS_PORT_NAME
from servingkit.cluster.kubernetes.core.objects import PodSpec, Workload
from servingkit.core.sidecar import CONTAINER_NAME, SERVING_PORT, STATS_PORT
from servingkit.core.whole_number import whole_number

_SERVING_PORT_NAME = "queue-port"
_MOST_PORT = 65_535


def has_sidecar(spec: PodSpec) -> bool:
    """Tell whether a pod carries the sidecar."""
    return any(container.name == CONTAINER_NAME for container in spec.all_containers)


def sidecar_ports(spec: PodSpec) -> tuple[int, int]:
    """Return the sidecar's ports for requests and for its stats."""
    declared = {
        port.name: port.container_port
        for container in spec.all_containers
        if container.name == CONTAINER_NAME
        for port in container.ports or ()
    }
    return declared.get(_SERVING_PORT_NAME, SERVING_PORT), declared.get(STATS_PORT_NAME, STATS_PORT)


def resolve_port(spec: PodSpec, target: int | str) -> int | None:
    """Return the number of a port that may be given by its name; None for an unknown name."""
    if isinstance(target, int):
        return target
    number = whole_number(target, _MOST_PORT)
    if number is not None:
        return number
    named = (
        port.container_port
        for container in spec.all_containers
        for port in container.ports or ()
        if port.name == target
    )
    return next(named, None)


def model_port(workload: Workload) -> int | None:
    """Return the port on which the model listens; None when that is not to be told."""
    template = workload.spec.template
    asked = template.metadata.annotation(PORT)
    if asked:
        return resolve_port(template.spec, asked)
    declared = [
        port.container_port
        for container in template.spec.containers
        if container.name != CONTAINER_NAME
        for port in container.ports or ()
    ]
    return declared[0] if len(declared) == 1 else None
