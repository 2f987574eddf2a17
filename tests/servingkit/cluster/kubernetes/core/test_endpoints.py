import pytest

from servingkit.cluster.kubernetes.core.endpoints import activators_in, pods_in
from servingkit.cluster.kubernetes.core.objects import (
    Endpoint,
    EndpointConditions,
    EndpointPort,
    EndpointSlice,
    ObjectMeta,
    ObjectReference,
)
from servingkit.cluster.protocols import Activator
from servingkit.core.revision import Address, PodState

READY = EndpointConditions(ready=True, serving=True, terminating=False)
STARTING = EndpointConditions(ready=False, serving=False, terminating=False)


def endpoint(name: str, host: str, conditions: EndpointConditions = READY) -> Endpoint:
    return Endpoint([host], conditions, ObjectReference(kind="Pod", name=name))


def part(*endpoints: Endpoint, family: str = "IPv4") -> EndpointSlice:
    return EndpointSlice(ObjectMeta(name=f"iris-{family}"), family, list(endpoints))


@pytest.mark.parametrize(
    ("conditions", "state"),
    [
        pytest.param(READY, PodState.READY, id="ready"),
        pytest.param(STARTING, PodState.STARTING, id="not ready"),
        pytest.param(EndpointConditions(), PodState.READY, id="nothing said means ready"),
        pytest.param(
            EndpointConditions(ready=False), PodState.STARTING, id="serving is as ready is"
        ),
        pytest.param(
            EndpointConditions(ready=False, serving=True, terminating=True),
            PodState.TERMINATING,
            id="still serves, but is about to end",
        ),
        pytest.param(
            EndpointConditions(ready=False, serving=True, terminating=False),
            PodState.READY,
            id="what counts is serving",
        ),
    ],
)
def test_state_of_a_pod(conditions: EndpointConditions, state: PodState) -> None:
    (pod,) = pods_in([part(endpoint("a", "10.0.0.1", conditions))], frozenset(), {}, 5.0)
    assert pod.state is state


def test_ports_are_the_sidecars_unless_the_slice_names_others() -> None:
    (pod,) = pods_in([part(endpoint("a", "10.0.0.1"))], frozenset(), {}, 5.0)
    assert (pod.serving, pod.stats) == (Address("10.0.0.1", 8012), Address("10.0.0.1", 9090))
    named = part(endpoint("a", "10.0.0.1"))
    named.ports = [EndpointPort(18012, "http"), EndpointPort(19090, "http-autometric")]
    (pod,) = pods_in([named], frozenset(), {}, 5.0)
    assert (pod.serving.port, pod.stats.port) == (18012, 19090)


def test_a_pod_that_is_to_go_next_counts_as_terminating() -> None:
    slices = [part(endpoint("stays", "10.0.0.1"), endpoint("goes", "10.0.0.2"))]
    pods = pods_in(slices, frozenset({"goes"}), {}, 5.0)
    assert {pod.name: pod.state for pod in pods} == {
        "stays": PodState.READY,
        "goes": PodState.TERMINATING,
    }


def test_a_pod_with_two_address_families_is_one_pod() -> None:
    slices = [part(endpoint("a", "fd00::1"), family="IPv6"), part(endpoint("a", "10.0.0.1"))]
    (pod,) = pods_in(slices, frozenset(), {}, 5.0)
    assert pod.serving.host == "10.0.0.1"


def test_what_was_seen_first_comes_first_and_what_is_gone_is_forgotten() -> None:
    seen_at: dict[str, float] = {}
    pods_in([part(endpoint("late-in-the-alphabet", "10.0.0.1"))], frozenset(), seen_at, 1.0)
    both = part(endpoint("a", "10.0.0.2"), endpoint("late-in-the-alphabet", "10.0.0.1"))
    pods = pods_in([both], frozenset(), seen_at, 2.0)
    assert [(pod.name, pod.created_at) for pod in pods] == [("late-in-the-alphabet", 1.0), ("a", 2)]
    pods_in([], frozenset(), seen_at, 3.0)
    assert not seen_at


def test_activators_that_take_traffic() -> None:
    slices = [
        part(
            endpoint("activator-b", "10.0.0.2"),
            endpoint("activator-a", "10.0.0.1"),
            endpoint("activator-c", "10.0.0.3", STARTING),
        )
    ]
    assert activators_in(slices) == (
        Activator("activator-a", "10.0.0.1"),
        Activator("activator-b", "10.0.0.2"),
    )
