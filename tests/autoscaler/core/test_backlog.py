import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.backlog import PodsLoad, credited
from autoscaler.core.decider import Reading

AMOUNT = st.floats(0, 1e6)


def both(value: float) -> Reading:
    return Reading(value, value)


def load(
    running: float, arrivals: float, request_time_s: float | None, asked_pods: int = 1
) -> PodsLoad:
    return PodsLoad(both(running), both(arrivals), request_time_s, asked_pods, target_value=2.8)


def test_what_waits_counts_as_the_work_it_is() -> None:
    assert credited(both(400), load(4, 20, 0.5), 60).panic == pytest.approx(13.3)


def test_when_nothing_waits_all_in_flight_counts() -> None:
    assert credited(both(10), load(10, 20, 0.5), 60) == both(10)


@pytest.mark.parametrize(
    ("in_flight", "asked_pods", "counted"),
    [
        pytest.param(20, 0, 20, id="the first decision sees all"),
        pytest.param(20, 8, 20, id="what they were asked for keeps them"),
        pytest.param(400, 8, 50, id="a pile is shared out over them"),
        pytest.param(30, 8, 22.4, id="a pile that grows a little asks for no more"),
        pytest.param(5, 8, 5, id="never more than there is"),
    ],
)
def test_until_a_pod_has_served_the_pods_asked_for_share_what_waits(
    in_flight: float, asked_pods: int, counted: float
) -> None:
    assert credited(both(in_flight), load(0, 20, None, asked_pods), 60).panic == pytest.approx(
        counted
    )


def test_long_requests_need_a_slot_each() -> None:
    assert credited(both(40), load(4, 0.1, 60.0), 60) == both(40)


def test_a_revision_without_pods_is_credited_by_what_it_learned_before() -> None:
    assert credited(both(400), load(0, 20, 0.5), 60).stable == pytest.approx(10 + 400 * 0.5 / 60)


@given(AMOUNT, AMOUNT, AMOUNT, st.one_of(st.none(), st.floats(0, 1000)))
def test_credit_leaves_no_less_than_the_pods_have_and_no_more_than_there_is(
    total: float, running: float, arrivals: float, time_s: float | None
) -> None:
    value = credited(both(total), load(running, arrivals, time_s), 60).stable
    assert value <= total
    if time_s is not None:
        assert value >= min(total, running)
