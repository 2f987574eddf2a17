from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.bounds import (
    Bound,
    BoundsState,
    Observed,
    Phase,
    Remembered,
    bound,
    initial_state,
)
from autoscaler.core.defaults import Defaults
from autoscaler.core.settings import PREFIX, ScalingSettings, parse_annotations
from servingkit.core.annotation_names import OUR_PREFIX

ALLOWED_ZERO = Defaults(allow_zero_initial_scale=True)


def settings(defaults: Defaults = ALLOWED_ZERO, **annotations: str) -> ScalingSettings:
    named = {PREFIX + name.replace("_", "-"): value for name, value in annotations.items()}
    return parse_annotations(named, defaults)


class Revision:
    """A revision whose bounds are asked step by step; replicas follow, pods are ready when told."""

    def __init__(self, settings: ScalingSettings, *, replicas: int = 0, ready: int = 0) -> None:
        self._settings = settings
        self._replicas = replicas
        self._ready = ready
        self._proxied_since: float | None = 0.0
        self._path_unproven: str | None = None
        self._state = initial_state(settings, self._observed(), 0.0)

    def is_in(self, phase: Phase) -> bool:
        return self._state.phase is phase

    def serve(self) -> None:
        self._proxied_since = None

    def proxy(self, since: float) -> None:
        self._proxied_since = since

    def prove_path(self, problem: str | None = None) -> None:
        self._path_unproven = problem

    def wants(self, pods: int, at: float, *, ready: int | None = None) -> tuple[int, Bound | None]:
        if ready is not None:
            self._ready = ready
        self._replicas, held_by, self._state = bound(
            self._settings, self._state, pods, self._observed(), at
        )
        return self._replicas, held_by

    def _observed(self) -> Observed:
        return Observed(self._replicas, self._ready, self._proxied_since, self._path_unproven)


def active(scaling: ScalingSettings | None = None) -> Revision:
    """Return a revision with its least pods ready, active since second 0."""
    scaling = scaling or settings()
    pods = max(1, scaling.min_scale)
    revision = Revision(scaling, replicas=pods, ready=pods)
    revision.wants(1, 0.0)
    assert revision.is_in(Phase.ACTIVE)
    return revision


def test_an_idle_revision_goes_to_zero_one_tick_after_its_stable_window() -> None:
    revision = active()
    assert revision.wants(0, 59.9) == (1, Bound.STABLE_WINDOW)
    assert revision.wants(0, 60.0) == (1, Bound.GRACE_PERIOD)
    assert revision.is_in(Phase.INACTIVE)
    assert revision.wants(0, 62.0) == (0, None)
    assert revision.wants(0, 64.0) == (0, None)


def test_traffic_must_have_moved_to_activators_for_the_grace_period() -> None:
    revision = active()
    revision.serve()
    revision.wants(0, 60.0)
    revision.proxy(since=60.5)
    assert revision.wants(0, 90.4) == (1, Bound.GRACE_PERIOD)
    assert revision.wants(0, 90.5) == (0, None)


def test_a_revision_whose_traffic_never_moved_keeps_its_last_pod() -> None:
    revision = active()
    revision.serve()
    revision.wants(0, 60.0)
    assert revision.wants(0, 1000.0) == (1, Bound.GRACE_PERIOD)


def test_the_retention_period_keeps_the_last_pod() -> None:
    revision = active(settings(scale_to_zero_pod_retention_period="2m"))
    revision.wants(0, 60.0)
    assert revision.wants(0, 179.0) == (1, Bound.RETENTION_PERIOD)
    assert revision.wants(0, 180.0) == (0, None)


def test_the_last_pod_goes_only_when_activators_are_shown_to_be_in_the_path() -> None:
    revision = active(settings(scale_to_zero_pod_retention_period="2m"))
    revision.prove_path("a pod answered")
    assert revision.wants(0, 60.0) == (1, Bound.GRACE_PERIOD)
    assert revision.wants(0, 100.0) == (1, Bound.RETENTION_PERIOD), "asked last of all"
    assert revision.wants(0, 180.0) == (1, Bound.ACTIVATOR_PROBE)
    assert revision.wants(0, 9999.0) == (1, Bound.ACTIVATOR_PROBE)
    revision.prove_path()
    assert revision.wants(0, 10001.0) == (0, None)


def test_load_while_the_path_is_not_shown_makes_the_revision_active_again() -> None:
    revision = active()
    revision.prove_path("a pod answered")
    revision.wants(0, 60.0)
    assert revision.wants(0, 62.0) == (1, Bound.ACTIVATOR_PROBE)
    assert revision.wants(1, 64.0) == (1, None)
    assert revision.is_in(Phase.ACTIVE)


def test_load_in_the_grace_period_makes_the_revision_active_again() -> None:
    revision = active()
    revision.wants(0, 60.0)
    assert revision.wants(2, 61.0) == (2, None)
    assert revision.is_in(Phase.ACTIVE)
    assert revision.wants(0, 120.9) == (1, Bound.STABLE_WINDOW)


def test_load_at_zero_is_activating_until_a_pod_is_ready() -> None:
    revision = Revision(settings(initial_scale="0"))
    assert revision.is_in(Phase.INACTIVE)
    assert revision.wants(0, 0.0) == (0, None)
    assert revision.wants(3, 10.0) == (3, None)
    assert revision.is_in(Phase.ACTIVATING)
    revision.wants(3, 20.0, ready=1)
    assert revision.is_in(Phase.ACTIVE)


def test_an_activating_revision_keeps_its_pods_until_the_progress_deadline() -> None:
    revision = Revision(settings(initial_scale="0"))
    revision.wants(3, 0.0)
    assert revision.wants(0, 630.0) == (3, Bound.ACTIVATING)
    assert revision.wants(0, 630.1) == (0, None)
    assert revision.is_in(Phase.INACTIVE)


def test_scale_to_zero_can_be_switched_off() -> None:
    revision = Revision(settings(Defaults(enable_scale_to_zero=False)), replicas=1, ready=1)
    revision.wants(0, 0.0)
    assert revision.wants(0, 1000.0) == (1, Bound.SCALE_TO_ZERO_OFF)


def test_a_revision_at_zero_is_active_again_when_scale_to_zero_is_switched_off() -> None:
    off = settings(Defaults(enable_scale_to_zero=False))
    at_zero = BoundsState(Phase.INACTIVE, 0.0, initialised=True)
    pods, held_by, state = bound(off, at_zero, 0, Observed(0, 0, 0.0), 100.0)
    assert (pods, held_by) == (1, Bound.SCALE_TO_ZERO_OFF)
    assert state.phase is Phase.ACTIVATING


def test_max_scale_wins_and_its_pods_are_enough() -> None:
    revision = Revision(settings(initial_scale="5", max_scale="3"))
    assert revision.wants(0, 0.0) == (3, Bound.MAX_SCALE)
    revision.wants(1, 2.0, ready=3)
    assert revision.is_in(Phase.ACTIVE)
    assert revision.wants(1, 4.0) == (1, None)


def test_max_scale_wins_over_the_min_scale_of_another_place() -> None:
    revision = active(settings(Defaults(max_scale=3), min_scale="5"))
    assert revision.wants(0, 2.0, ready=3) == (3, Bound.MAX_SCALE)
    assert revision.is_in(Phase.ACTIVE)


def test_min_scale_and_max_scale_hold() -> None:
    revision = active(settings(min_scale="2", max_scale="4"))
    assert revision.wants(0, 1000.0, ready=2) == (2, Bound.MIN_SCALE)
    assert revision.wants(3, 1002.0) == (3, None)
    assert revision.wants(5, 1004.0) == (4, Bound.MAX_SCALE)


def test_min_scale_is_kept_from_the_first_tick() -> None:
    revision = Revision(settings(initial_scale="0", min_scale="1"))
    assert revision.wants(0, 0.0) == (1, Bound.MIN_SCALE)


def test_the_initial_scale_holds_until_it_was_reached_once() -> None:
    revision = Revision(settings(initial_scale="3"))
    assert revision.wants(0, 0.0) == (3, Bound.INITIAL_SCALE)
    assert revision.wants(0, 10.0, ready=2) == (3, Bound.INITIAL_SCALE)
    assert revision.is_in(Phase.ACTIVATING)
    revision.wants(0, 12.0, ready=3)
    assert revision.is_in(Phase.ACTIVE)
    assert revision.wants(1, 14.0) == (1, None)
    assert revision.wants(0, 16.0, ready=1) == (1, Bound.STABLE_WINDOW)


def test_an_initial_scale_that_is_never_reached_is_given_up() -> None:
    revision = Revision(settings(initial_scale="3"))
    revision.wants(0, 0.0)
    revision.wants(0, 631.0)
    assert revision.wants(0, 633.0)[0] == 0


def test_a_revision_that_lost_its_ready_pods_is_activating_again() -> None:
    revision = active()
    revision.wants(1, 10.0, ready=0)
    assert revision.is_in(Phase.ACTIVATING)


@given(
    wishes=st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=60),
    least=st.integers(0, 5),
    span=st.integers(0, 10),
    initial=st.integers(0, 8),
)
def test_no_wish_drives_the_pods_outside_the_bounds(
    wishes: list[tuple[int, int]], least: int, span: int, initial: int
) -> None:
    most = max(1, least + span)
    annotations: dict[str, Any] = {
        "min_scale": str(least),
        "max_scale": str(most),
        "initial_scale": str(initial),
    }
    revision = Revision(settings(**annotations))
    for tick, (pods, ready) in enumerate(wishes):
        asked, _ = revision.wants(pods, 30.0 * tick, ready=ready)
        assert least <= asked <= most


@pytest.mark.parametrize("replicas", [0, 1])
def test_a_revision_seen_first_with_zero_initial_scale_is_what_its_pods_say(replicas: int) -> None:
    observed = Observed(replicas, 0, None)
    state = initial_state(settings(initial_scale="0"), observed, 5.0)
    phase = Phase.ACTIVATING if replicas else Phase.INACTIVE
    assert state == BoundsState(phase, 5.0, initialised=True)


def test_an_initial_scale_that_was_reached_once_is_not_asked_for_by_another_process() -> None:
    scaling, seen = settings(initial_scale="3"), Observed(1, 1, None)
    state = initial_state(scaling, seen, 5.0, Remembered(initialised=True, inactive_since=None))
    assert bound(scaling, state, 1, seen, 5.0)[0] == 1


def test_another_process_goes_on_with_an_inactive_revision() -> None:
    scaling, seen = settings(scale_to_zero_pod_retention_period="2m"), Observed(1, 1, 0.0)
    state = initial_state(scaling, seen, 100.0, Remembered(initialised=True, inactive_since=20.0))
    assert bound(scaling, state, 0, seen, 139.0)[:2] == (1, Bound.RETENTION_PERIOD)
    assert bound(scaling, state, 0, seen, 140.0)[:2] == (0, None)


def test_a_revision_at_zero_stays_there_for_another_process() -> None:
    scaling, seen = settings(initial_scale="2"), Observed(0, 0, None)
    state = initial_state(scaling, seen, 5.0, Remembered(initialised=True, inactive_since=1.0))
    assert bound(scaling, state, 0, seen, 5.0)[0] == 0


UNREACHABLE = {OUR_PREFIX + "reachable": "false"}


@pytest.mark.parametrize(
    "annotations",
    [
        {PREFIX + "min-scale": "2"},
        {PREFIX + "initial-scale": "5"},
        {PREFIX + "scale-to-zero-pod-retention-period": "30m"},
    ],
    ids=["min-scale", "initial-scale", "retention"],
)
def test_a_revision_that_nobody_can_reach_keeps_no_pod_for(annotations: dict[str, str]) -> None:
    revision = Revision(parse_annotations(annotations | UNREACHABLE, ALLOWED_ZERO), replicas=1)
    assert revision.wants(1, 0.0, ready=1) == (1, None)
    revision.wants(0, 60.0)
    assert revision.wants(0, 62.0) == (0, None)


def test_max_scale_holds_for_a_revision_that_nobody_can_reach() -> None:
    annotations = {PREFIX + "max-scale": "2"} | UNREACHABLE
    assert Revision(parse_annotations(annotations, ALLOWED_ZERO)).wants(5, 0.0)[0] == 2


@pytest.mark.parametrize(("annotation", "kept"), [(None, 1), ("0s", 0), ("1m", 0), ("10m", 1)])
def test_a_revision_has_its_own_retention_period_over_the_default(
    annotation: str | None, kept: int
) -> None:
    defaults = Defaults(scale_to_zero_pod_retention_period_s=300.0)
    own = {} if annotation is None else {"scale_to_zero_pod_retention_period": annotation}
    revision = active(settings(defaults, **own))
    revision.wants(0, 60.0)
    assert revision.wants(0, 130.0)[0] == kept


@pytest.mark.parametrize("initial", [0, 2, 5])
def test_the_first_pods_are_those_of_the_initial_scale(initial: int) -> None:
    assert Revision(settings(initial_scale=str(initial))).wants(0, 0.0)[0] == initial


def test_pods_kept_for_lack_of_data_do_not_make_an_inactive_revision_active() -> None:
    scaling = settings()
    state = BoundsState(Phase.INACTIVE, 0.0, initialised=True)
    seen = Observed(1, 1, 0.0)
    assert bound(scaling, state, 1, seen, 5.0, is_load=False)[2] == state
    assert bound(scaling, state, 1, seen, 5.0)[2].phase is Phase.ACTIVE
