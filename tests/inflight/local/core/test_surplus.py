import pytest

from inflight.local.core.surplus import pick_surplus
from servingkit.core.revision import Address, Pod, PodState


def pod(name: str, state: PodState, created_at: float) -> Pod:
    address = Address("127.0.0.1", 1)
    return Pod(name=name, state=state, serving=address, stats=address, created_at=created_at)


PODS = (
    pod("leaving", PodState.TERMINATING, 0.0),
    pod("old", PodState.READY, 1.0),
    pod("starting", PodState.STARTING, 2.0),
    pod("young", PodState.READY, 3.0),
    pod("newest-starting", PodState.STARTING, 4.0),
)


@pytest.mark.parametrize(
    ("replicas", "expected"),
    [
        pytest.param(5, [], id="more are wanted"),
        pytest.param(4, [], id="as many as there are"),
        pytest.param(3, ["newest-starting"], id="not ready goes first, the youngest of them"),
        pytest.param(2, ["newest-starting", "starting"], id="all that are not ready"),
        pytest.param(1, ["newest-starting", "starting", "young"], id="then the youngest ready"),
        pytest.param(0, ["newest-starting", "starting", "young", "old"], id="all"),
    ],
)
def test_surplus(replicas: int, expected: list[str]) -> None:
    assert pick_surplus(PODS, replicas) == expected
