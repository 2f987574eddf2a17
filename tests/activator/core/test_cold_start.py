"""The phases of a cold start."""

import pytest

from activator.core.cold_start import ColdStart, Phase, server_timing
from activator.core.pod_tracker import PodTracker
from servingkit.core.revision import Pod, PodState
from tests.fakes.cluster import NOWHERE


def pod_made(
    created_at: float, scheduled_at: float | None = None, started_at: float | None = None
) -> PodTracker:
    pod = Pod(
        name="pod",
        state=PodState.STARTING,
        serving=NOWHERE,
        stats=NOWHERE,
        created_at=created_at,
        scheduled_at=scheduled_at,
        started_at=started_at,
    )
    return PodTracker(pod, 1)


def phases_of(pod: PodTracker, began_at: float = 10.0, now: float = 12.5) -> dict[str, float]:
    cold_start = ColdStart(began_at)
    cold_start.pod_serves(pod, now)
    return {time.phase.value: round(time.seconds, 6) for time in cold_start.phases}


def test_the_worked_example() -> None:
    assert phases_of(pod_made(10.2, 10.3)) == {"scale": 0.2, "schedule": 0.1, "probe": 2.2}


def test_all_phases_are_told_apart_when_all_marks_are_known() -> None:
    assert phases_of(pod_made(10.2, 10.3, 11.5)) == {
        "scale": 0.2,
        "schedule": 0.1,
        "start": 1.2,
        "probe": 1.0,
    }


@pytest.mark.parametrize(
    "marks",
    [
        pytest.param((5.0, 6.0, 7.0), id="a pod that was starting already"),
        pytest.param((99.0, 99.0, 99.0), id="a clock that is ahead"),
        pytest.param((10.5, 10.2, 10.1), id="marks out of order"),
    ],
)
def test_phases_are_never_negative_and_add_up(marks: tuple[float, float, float]) -> None:
    cold_start = ColdStart(10.0)
    cold_start.pod_serves(pod_made(*marks), 12.5)
    assert all(time.seconds >= 0 for time in cold_start.phases)
    assert sum(time.seconds for time in cold_start.phases) == pytest.approx(2.5)


def test_the_first_byte_is_told_once() -> None:
    cold_start = ColdStart(10.0)
    assert cold_start.answer_began(11.0) is None  # no pod serves yet
    cold_start.pod_serves(pod_made(10.2), 12.0)
    first = cold_start.answer_began(12.5)
    assert first is not None
    assert (first.phase, first.seconds) == (Phase.FIRST_BYTE, 0.5)
    assert cold_start.answer_began(13.0) is None


def test_the_header_names_milliseconds() -> None:
    cold_start = ColdStart(10.0)
    cold_start.pod_serves(pod_made(10.25), 12.0)
    assert server_timing(cold_start, 2.1, 0.05) == (
        b"held;dur=2100.0, scale;dur=250.0, probe;dur=1750.0, first-byte;dur=50.0"
    )
    assert server_timing(None, 0.1, 0.05) == b"held;dur=100.0, first-byte;dur=50.0"
