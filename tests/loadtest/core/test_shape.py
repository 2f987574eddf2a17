import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.core.shape import Ramp, Step

RAMP = Ramp(peak_users=10, up_s=20, hold_s=60, down_s=10)
STEP = Step(peak_users=10, steps=3, step_s=30)


@pytest.mark.parametrize(
    ("elapsed_s", "users"),
    [
        pytest.param(0, 1, id="one user from the start"),
        pytest.param(10, 5, id="half way up"),
        pytest.param(20, 10, id="at the top"),
        pytest.param(79.9, 10, id="still at the top"),
        pytest.param(85, 5, id="half way down"),
        pytest.param(89.9, 1, id="one user to the end"),
        pytest.param(90, None, id="over"),
    ],
)
def test_ramp_goes_up_holds_and_goes_down(elapsed_s: float, users: int | None) -> None:
    assert RAMP.users_at(elapsed_s) == users


@pytest.mark.parametrize(
    ("elapsed_s", "users"), [(0, 4), (29.9, 4), (30, 7), (60, 10), (89.9, 10), (90, None)]
)
def test_steps_are_equal_and_last_as_long(elapsed_s: float, users: int | None) -> None:
    assert STEP.users_at(elapsed_s) == users


DURATIONS = st.floats(0, 1000)


@given(peak=st.integers(1, 1000), up=DURATIONS, hold=DURATIONS, down=DURATIONS, at=DURATIONS)
def test_ramp_never_exceeds_its_peak(
    peak: int, up: float, hold: float, down: float, at: float
) -> None:
    users = Ramp(peak_users=peak, up_s=up, hold_s=hold, down_s=down).users_at(at)
    assert users is None or 1 <= users <= peak
