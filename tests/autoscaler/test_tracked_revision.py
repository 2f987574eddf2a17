import logging

import pytest

from autoscaler.core.bounds import Phase
from autoscaler.core.coverage import Coverage
from autoscaler.core.defaults import Defaults
from autoscaler.core.scaler import NO_DATA, Plan
from autoscaler.core.settings import parse_annotations
from servingkit.core.revision import Mode
from tests.autoscaler.tracked import OBSERVED, revision, tracked_revision


def plan_with(
    *, phase: Phase = Phase.ACTIVE, panic_at: float | None = None, overdue: bool = False
) -> Plan:
    return Plan(
        desired_pods=1,
        mode=Mode.PROXY,
        activators=2,
        phase=phase,
        excess_burst_capacity=-1,
        decision=None,
        panic_at=panic_at,
        coverage=Coverage(decrease=True, zero=True, silent=("pod-1",), overdue=overdue),
        limits=(),
    )


def test_only_what_changed_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    tracked = tracked_revision()
    for plan in (
        plan_with(),
        plan_with(),
        plan_with(panic_at=3.0),
        plan_with(panic_at=5.0),
        plan_with(phase=Phase.INACTIVE),
        plan_with(phase=Phase.INACTIVE, overdue=True),
        plan_with(phase=Phase.INACTIVE),
    ):
        tracked.settle(plan, OBSERVED, 0.0)
    assert caplog.messages == [
        "phase changed",
        "panic started",
        "panic ended",
        "phase changed",
        "reports missing",
        "reports complete",
    ]
    assert caplog.records[4].levelno == logging.WARNING
    assert caplog.records[4].__dict__["silent"] == "pod-1"


def test_changed_settings_change_the_target_and_keep_the_state() -> None:
    tracked = tracked_revision()
    tracked.settle(plan_with(), OBSERVED, 0.0)
    changed = revision({"target": "4"})
    tracked.update(changed, parse_annotations(changed.annotations, Defaults()))
    assert tracked.spec.target_value == pytest.approx(2.8)
    assert tracked.plan is not None


def test_a_revision_is_at_zero_until_it_is_known_to_have_pods() -> None:
    tracked = tracked_revision()
    assert tracked.is_at_zero
    tracked.asked_pods = 1
    assert not tracked.is_at_zero
    tracked.asked_pods = 0
    assert tracked.is_at_zero


def test_it_says_why_it_stands_as_it_does() -> None:
    assert repr(tracked_revision()) == "<TrackedRevision default/iris: not decided yet>"


def test_what_changed_is_kept_for_those_who_follow() -> None:
    tracked = tracked_revision()
    tracked.settle(plan_with(), OBSERVED, 0.0)
    held = plan_with()._replace(desired_pods=2, limits=(NO_DATA,))
    tracked.settle(held, OBSERVED, 0.0)
    tracked.settle(plan_with(), OBSERVED, 0.0)
    events = [(event.name, event.reason.split(":")[0]) for event in tracked.journal.after(0).events]
    assert events == [
        ("decision changed", "1 pod"),
        ("phase changed", "1 pod"),
        ("decision changed", "2 pods"),
        ("decrease held", "2 pods"),
        ("decision changed", "1 pod"),
        ("decrease no longer held", "1 pod"),
    ]
    assert tracked.journal.after(0).events[2].facts == {"from_pods": 1, "to_pods": 2}
