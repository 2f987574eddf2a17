import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.kubernetes.core.departures import Candidate, choose_departures, may_depart


def pod(name: str, load: float | None = 0.0, *, marked: bool = False, at: float = 0.0) -> Candidate:
    return Candidate(name, load, marked, at)


@pytest.mark.parametrize(
    ("pods", "goes"),
    [
        pytest.param([pod("busy", 2.0), pod("idle")], "idle", id="the idlest"),
        pytest.param([pod("silent", None), pod("busy", 99.0)], "busy", id="silence may be load"),
        pytest.param([pod("old", at=1), pod("young", at=2)], "young", id="of equals the youngest"),
        pytest.param(
            [pod("young", at=2), pod("marked", at=1, marked=True)], "marked", id="a mark stays"
        ),
        pytest.param(
            [pod("idle"), pod("marked", 3.0, marked=True)], "idle", id="but not on a busy pod"
        ),
    ],
)
def test_which_pod_goes(pods: list[Candidate], goes: str) -> None:
    assert [one.name for one in choose_departures(pods, 1)] == [goes]


@given(st.lists(st.floats(0, 100), max_size=20), st.integers(0, 20))
def test_nobody_who_stays_is_idler_than_who_goes(loads: list[float], count: int) -> None:
    pods = [pod(str(number), load) for number, load in enumerate(loads)]
    chosen = choose_departures(pods, count)
    staying = [one for one in pods if one not in chosen]
    assert len(chosen) == min(count, len(pods))
    assert all((a.concurrency or 0) <= (b.concurrency or 0) for a in chosen for b in staying)


def test_the_mark_has_to_settle() -> None:
    idle = [pod("a")]
    assert not may_depart(idle, marks_seen_at=None, began_at=0, now=2)
    assert not may_depart(idle, marks_seen_at=1.5, began_at=0, now=2)
    assert may_depart(idle, marks_seen_at=1.0, began_at=0, now=2)


@pytest.mark.parametrize("load", [0.1, None])
def test_a_pod_that_is_not_idle_is_waited_for_half_a_minute(load: float | None) -> None:
    chosen = [pod("a"), pod("b", load)]
    assert not may_depart(chosen, marks_seen_at=1, began_at=0, now=29)
    assert may_depart(chosen, marks_seen_at=1, began_at=0, now=30)


def test_marks_that_are_never_seen_do_not_stop_it_for_ever() -> None:
    assert may_depart([pod("a")], marks_seen_at=None, began_at=0, now=30)
