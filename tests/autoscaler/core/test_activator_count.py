import pytest

from autoscaler.core.activator_count import activator_count
from autoscaler.core.decider import DeciderSpec


@pytest.mark.parametrize(
    ("burst_capacity", "ready_pods", "activators"),
    [(200, 0, 2), (200, 1, 3), (200, 15, 17), (-1, 5, 5), (-1, 0, 2), (-1, 1, 2), (0, 50, 2)],
)
def test_activators_carry_what_the_pods_take_and_the_burst(
    burst_capacity: float, ready_pods: int, activators: int
) -> None:
    spec = DeciderSpec(
        target_value=70,
        total_value=100,
        target_burst_capacity=burst_capacity,
        stable_window_s=60,
        panic_threshold=2,
        max_scale_up_rate=1000,
        max_scale_down_rate=2,
    )
    assert activator_count(spec, ready_pods, 100) == activators
