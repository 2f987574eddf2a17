import pytest

from autoscaler.core.history import MOST_DECISIONS, Decided, History
from autoscaler.core.scaler import Plan
from servingkit.core.revision import Mode
from tests.autoscaler.tracked import idle_plan, tracked_revision


def decided(plan: Plan, at_s: float = 0.0) -> Decided:
    tracked = tracked_revision()
    return Decided(plan, tracked.settings, tracked.spec, 1, 1, at=at_s, at_s=at_s)


def test_decisions_that_say_the_same_are_kept_once_beside_the_latest() -> None:
    history = History()
    for at_s in range(5):
        history.add(decided(idle_plan(), at_s))
    assert [one.at_s for one in history.decisions()] == [0, 4]


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(idle_plan()._replace(desired_pods=2), id="pods"),
        pytest.param(idle_plan()._replace(mode=Mode.SERVE), id="mode"),
        pytest.param(idle_plan()._replace(panic_at=1.0), id="panic"),
        pytest.param(idle_plan()._replace(limits=("max-scale",)), id="limits"),
    ],
)
def test_a_decision_that_changes_something_is_kept(changed: Plan) -> None:
    history = History()
    for at_s, plan in enumerate((idle_plan(), changed, changed, idle_plan(), idle_plan())):
        history.add(decided(plan, at_s))
    assert [one.at_s for one in history.decisions()] == [0, 1, 3, 4]


def test_only_the_last_changes_are_kept() -> None:
    history = History()
    for pods in range(100):
        history.add(decided(idle_plan()._replace(desired_pods=pods), pods))
    assert [one.at_s for one in history.decisions()] == list(range(100 - MOST_DECISIONS, 100))
    assert repr(history) == f"<History of {MOST_DECISIONS} changes>"


def test_before_the_first_decision_there_is_none() -> None:
    assert History().decisions() == []
