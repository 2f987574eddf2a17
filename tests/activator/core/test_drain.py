"""When an ending activator stops holding, and when it is over."""

import pytest

from activator.core.drain import DrainPhase, DrainTimes, drain_phase

TIMES = DrainTimes(hold_s=590.0, grace_s=600.0, quiet_s=30.0)


@pytest.mark.parametrize(
    ("elapsed_s", "since_last_sign_s", "requests", "phase"),
    [
        pytest.param(0.0, 1000.0, 0, DrainPhase.HOLDING, id="idle for long, but routes lag"),
        pytest.param(29.9, 1000.0, 0, DrainPhase.HOLDING, id="not yet quiet for long enough"),
        pytest.param(30.0, 1000.0, 0, DrainPhase.OVER, id="quiet since the order"),
        pytest.param(31.0, 29.0, 0, DrainPhase.HOLDING, id="a request came 2 s after the order"),
        pytest.param(32.0, 30.0, 0, DrainPhase.OVER, id="and nothing since"),
        pytest.param(300.0, 299.0, 1, DrainPhase.HOLDING, id="one is still under way"),
        pytest.param(590.0, 589.0, 1, DrainPhase.REFUSING, id="little time is left"),
        pytest.param(595.0, 31.0, 0, DrainPhase.OVER, id="the last one has ended"),
        pytest.param(600.0, 0.0, 9, DrainPhase.OVER, id="the grace period is over"),
    ],
)
def test_phase(
    elapsed_s: float, since_last_sign_s: float, requests: int, phase: DrainPhase
) -> None:
    assert drain_phase(TIMES, elapsed_s, since_last_sign_s, requests) is phase


def test_without_any_time_it_is_over_at_once() -> None:
    none = DrainTimes(hold_s=0.0, grace_s=0.0, quiet_s=0.0)
    assert drain_phase(none, 0.0, 0.0, 5) is DrainPhase.OVER
