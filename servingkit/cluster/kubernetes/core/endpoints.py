"""Pods and activators, read from EndpointSlices."""

from collections.abc import Iterable, Iterator

from servingkit.cluster.kubernetes.core.names import SERVING_PORT_NAME, STATS_PORT_NAME
from servingkit.cluster.kubernetes.core.objects import Endpoint, EndpointSlice
from servingkit.cluster.protocols import Activator
from servingkit.core.revision import Address, Pod, PodState
from servingkit.core.sidecar import METRICS_PORT, SERVING_PORT, STATS_PORT


def pods_in(
    slices: Iterable[EndpointSlice], leaving: frozenset[str], seen_at: dict[str, float], now: float
) -> tuple[Pod, ...]:
    """Return a revision's pods, those that were seen first at the front.

    Pods of `leaving` count as terminating: they get no more requests. `seen_at` keeps when each pod
    was first seen, since slices do not say how old a pod is; it is brought up to date here.
    """
    found: dict[str, Pod] = {}
    for part, endpoint in _endpoints(slices):
        name = _name(endpoint)
        host = endpoint.addresses[0]
        state = PodState.TERMINATING if name in leaving else _state(endpoint)
        found[name] = Pod(
            name=name,
            state=state,
            serving=Address(host, _port(part, SERVING_PORT_NAME, SERVING_PORT)),
            stats=Address(host, _port(part, STATS_PORT_NAME, STATS_PORT)),
            metrics=Address(host, METRICS_PORT),
            created_at=seen_at.setdefault(name, now),
        )
    for name in seen_at.keys() - found.keys():
        del seen_at[name]
    return tuple(sorted(found.values(), key=lambda pod: (pod.created_at, pod.name)))


def activators_in(slices: Iterable[EndpointSlice]) -> tuple[Activator, ...]:
    """Return the activators that take traffic, in the order of their names."""
    ready = {
        _name(endpoint): endpoint.addresses[0]
        for _, endpoint in _endpoints(slices)
        if _state(endpoint) is PodState.READY
    }
    return tuple(Activator(name, ready[name]) for name in sorted(ready))


def _endpoints(slices: Iterable[EndpointSlice]) -> Iterator[tuple[EndpointSlice, Endpoint]]:
    """Yield each endpoint once; with two address families a pod has one in a slice of each."""
    seen: set[str] = set()
    for one in sorted(slices, key=lambda part: (part.address_type, part.metadata.name)):
        for endpoint in one.endpoints or ():
            if endpoint.addresses and _name(endpoint) not in seen:
                seen.add(_name(endpoint))
                yield one, endpoint


def _port(part: EndpointSlice, name: str, otherwise: int) -> int:
    ports = (port.port for port in part.ports or () if port.name == name and port.port)
    return next(ports, otherwise)


def _name(endpoint: Endpoint) -> str:
    if endpoint.target_ref is not None and endpoint.target_ref.name:
        return endpoint.target_ref.name
    return endpoint.addresses[0]


def _state(endpoint: Endpoint) -> PodState:
    """Tell a pod's state; what is not said counts as the API defines it."""
    conditions = endpoint.conditions
    if conditions.terminating:
        return PodState.TERMINATING
    ready = conditions.ready is not False
    serving = ready if conditions.serving is None else conditions.serving
    return PodState.READY if serving else PodState.STARTING
