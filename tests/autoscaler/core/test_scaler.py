from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.bounds import Observed, Phase, Remembered
from autoscaler.core.coverage import Sources
from autoscaler.core.decider import Measure, Reading
from autoscaler.core.defaults import Defaults
from autoscaler.core.load import Load
from autoscaler.core.reason import explain
from autoscaler.core.scaler import Observation, Plan, ScalerState, initial_state, plan
from autoscaler.core.settings import PREFIX, decider_spec, parse_annotations
from servingkit.core.annotation_names import OF_SCALING, OUR_PREFIX
from servingkit.core.revision import Mode


@dataclass
class World:
    """A revision with three ready pods and an activator, planned for tick by tick."""

    annotations: dict[str, str] = field(default_factory=dict)
    replicas: int = 3
    ready: int = 3
    silent: set[str] = field(default_factory=set)
    proxied_since: float | None = 0.0
    path_unproven: str | None = None
    concurrency: float = 0.0
    wall_s: float = 0.0
    measures: tuple[Measure, ...] = ()
    silent_metrics: tuple[str, ...] = ()
    before_credit: Reading | None = None
    remembered: Remembered | None = None
    state: ScalerState | None = None

    def __post_init__(self) -> None:
        named = {
            (OUR_PREFIX if name in OF_SCALING else PREFIX) + name: value
            for name, value in self.annotations.items()
        }
        self.settings = parse_annotations(named, Defaults(allow_zero_initial_scale=True))
        self.spec = decider_spec(self.settings, container_concurrency=10)

    def at(self, now: float, load: float | None) -> Plan:
        """Plan with both averages at `load`; None: the windows are empty."""
        pods = [f"pod-{index}" for index in range(self.ready)]
        cluster = Observed(self.replicas, self.ready, self.proxied_since, self.path_unproven)
        sources = Sources(pods, self._heard(pods, now), ["a"], self._heard(["a"], now))
        reading = None if load is None else Reading(load, load)
        seen = Load(
            reading,
            self.concurrency,
            measures=self.measures,
            silent_metrics=self.silent_metrics,
            before_credit=self.before_credit,
        )
        observation = Observation(seen, sources, cluster, self.wall_s)
        if self.state is None:
            self.state = initial_state(self.settings, self.spec, cluster, now, self.remembered)
        decided, self.state = plan(self.settings, self.spec, self.state, observation, now)
        self.explained = explain(self.settings, self.spec, decided, now)
        return decided

    def _heard(self, names: list[str], now: float) -> dict[str, float]:
        return {name: now - 6 if name in self.silent else now for name in names}


def calm(**annotations: str) -> World:
    """Return a world past the time in which a fresh autoscaler shrinks nothing."""
    world = World({name.replace("_", "-"): value for name, value in annotations.items()})
    world.at(0, 20)
    assert not world.at(61, 20).is_panicking
    return world


def test_load_within_the_bounds_is_followed() -> None:
    assert calm().at(62, 40).desired_pods == 6


@pytest.mark.parametrize("silent", ["pod-1", "a"])
def test_nothing_shrinks_while_somebody_is_silent(silent: str) -> None:
    world = calm()
    world.silent = {silent}
    decided = world.at(62, 1)
    assert decided.desired_pods == 3
    assert decided.is_held_without_data
    assert silent in world.explained
    world.silent = set()
    assert world.at(64, 1).desired_pods == 3
    assert world.at(122, 1).desired_pods == 1


def test_load_may_grow_while_somebody_is_silent() -> None:
    world = calm()
    world.silent = {"pod-1"}
    assert world.at(62, 40).desired_pods == 6


def test_an_empty_window_keeps_the_pods_while_somebody_is_silent() -> None:
    world = calm()
    world.silent = {"a"}
    decided = world.at(62, None)
    assert decided.decision is None
    assert decided.desired_pods == 3


def test_an_empty_window_is_no_load_when_everyone_reported() -> None:
    world = World({"initial-scale": "0"}, replicas=0, ready=0)
    decided = world.at(0, None)
    assert decided.decision is not None
    assert decided.desired_pods == 0
    assert decided.phase is Phase.INACTIVE


def test_min_scale_is_kept_without_any_data() -> None:
    world = World({"min-scale": "2"}, replicas=0, ready=0, silent={"a"})
    assert world.at(0, None).desired_pods == 2


def test_the_last_pod_goes_only_when_all_pods_reported() -> None:
    world = calm()
    world.replicas = world.ready = 1
    world.at(62, 0)
    world.silent = {"pod-0"}
    assert world.at(130, 0).desired_pods == 1


def test_requests_in_flight_bring_and_keep_a_pod_though_their_rate_is_zero() -> None:
    world = World({"metric": "rps", "initial-scale": "0"}, replicas=0, ready=0, concurrency=1)
    decided = world.at(0, 0)
    assert decided.desired_pods == 1
    assert world.explained.endswith("held by requests in flight")
    world.concurrency = 0
    assert world.at(2, 0).desired_pods == 0


def test_a_fresh_autoscaler_keeps_several_pods_for_a_stable_window() -> None:
    world = World()
    assert world.at(0, 0).desired_pods == 3
    assert world.at(59, 0).desired_pods == 3
    assert world.explained == (
        "3 pods: 0 in flight over 60 s at 7 a pod; held by restart (the windows are whole in 1 s)"
    )
    assert world.at(60, 0).desired_pods == 1


def test_a_fresh_autoscaler_keeps_the_only_pod_until_its_windows_are_whole() -> None:
    long_inactive = Remembered(initialised=True, inactive_since=-1000.0)
    world = World(replicas=1, ready=1, remembered=long_inactive)
    assert world.at(0, 0).desired_pods == 1
    assert world.at(59, 0).desired_pods == 1
    assert world.at(60, 0).desired_pods == 0


def test_a_fresh_autoscaler_adds_pods_at_once() -> None:
    assert World().at(0, 40).desired_pods == 6


def test_a_new_revision_is_not_taken_for_one_that_was_there_before() -> None:
    world = World({"initial-scale": "3"}, replicas=0, ready=0)
    assert world.at(0, 5).desired_pods == 3
    world.replicas = world.ready = 3
    world.at(10, 5)
    assert world.at(12, 5).desired_pods == 1


def test_the_activator_leaves_the_path_only_with_burst_capacity_to_spare() -> None:
    assert calm().at(62, 20).mode is Mode.PROXY
    world = calm(target_burst_capacity="5")
    assert world.at(62, 20).mode is Mode.SERVE
    assert world.at(64, 26).mode is Mode.PROXY


def test_an_inactive_revision_is_proxied_whatever_its_capacity() -> None:
    world = calm(target_burst_capacity="0")
    world.replicas = world.ready = 1
    assert world.at(62, 1).mode is Mode.SERVE
    decided = world.at(122, 0)
    assert decided.phase is Phase.INACTIVE
    assert decided.mode is Mode.PROXY
    assert decided.desired_pods == 1


@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(0, 500)),
            st.sets(st.sampled_from(["pod-0", "pod-1", "pod-2", "a"])),
        ),
        max_size=80,
    )
)
def test_no_load_takes_a_pod_away_while_somebody_is_silent(
    ticks: list[tuple[float | None, set[str]]],
) -> None:
    world = World({"max-scale": "3", "scale-down-delay": "4s"}, replicas=2, ready=2)
    for tick, (load, silent) in enumerate(ticks):
        world.silent = silent
        names = {f"pod-{index}" for index in range(world.ready)} | {"a"}
        decided = world.at(2.0 * tick, load)
        assert decided.desired_pods <= 3
        if silent & names:
            assert decided.desired_pods >= world.replicas
        world.replicas = world.ready = decided.desired_pods


def test_a_schedule_sets_the_least_pods_while_it_is_on() -> None:
    world = calm(schedules="0 8 * * * UTC 1h min-scale=5", min_scale="1")
    world.wall_s = 7.5 * 3600
    assert world.at(62, 7).desired_pods == 1
    world.wall_s = 8.5 * 3600
    assert world.at(64, 7).desired_pods == 5
    assert world.explained == (
        "5 pods: 7 in flight over 60 s at 7 a pod; held by scheduled-min-scale (0 8 * * * UTC 1h)"
    )
    assert world.at(66, 70).desired_pods == 10
    world.wall_s = 9 * 3600
    assert world.at(130, 7).desired_pods == 1


def test_a_schedule_wakes_a_revision_at_zero() -> None:
    world = World(
        {"schedules": "0 8 * * * UTC 1h min-scale=2", "initial-scale": "0"}, replicas=0, ready=0
    )
    world.wall_s = 8 * 3600
    assert world.at(0, None).desired_pods == 2


def test_a_schedule_sets_the_most_pods_while_it_is_on() -> None:
    world = calm(schedules="0 8 * * * UTC 1h max-scale=4", max_scale="8")
    world.wall_s = 8 * 3600
    assert world.at(62, 100).desired_pods == 4
    assert "held by scheduled-max-scale (0 8 * * * UTC 1h)" in world.explained
    world.wall_s = 9 * 3600
    assert world.at(64, 100).desired_pods == 8
    assert "held by max-scale" in world.explained


def test_another_metric_decides_and_is_named() -> None:
    world = calm()
    world.measures = (Measure("vllm:num_requests_waiting", Reading(18, 18), 4),)
    assert world.at(62, 20).desired_pods == 5
    assert world.explained == "5 pods: 18 vllm:num_requests_waiting over 60 s at 4 a pod"


def test_a_silent_metric_lets_no_pod_go() -> None:
    world = calm()
    world.silent_metrics = ("vllm:num_requests_waiting",)
    assert world.at(62, 7).desired_pods == 3
    assert world.explained.endswith("held by no-data (no report from vllm:num_requests_waiting)")
    assert world.at(64, 40).desired_pods == 6


def test_tolerance_is_named() -> None:
    assert calm(tolerance_percentage="10").at(62, 22).desired_pods == 3
    world = calm(tolerance_percentage="10")
    world.at(62, 22)
    assert world.explained == "3 pods: 22 in flight over 60 s at 7 a pod; held by tolerance"


def ramp(**annotations: str) -> World:
    """Return a world whose load grew for three minutes by 7, a pod, each 10 s, from one pod."""
    world = World({name.replace("_", "-"): value for name, value in annotations.items()})
    for now in range(0, 180, 2):
        world.replicas = world.ready = world.at(now, 0.7 * now).desired_pods
    return world


def test_a_prediction_that_is_a_floor_is_ahead_of_the_load() -> None:
    world = ramp(prediction="floor", prediction_horizon="30s")
    assert world.at(180, 126).desired_pods == 21
    assert world.explained == (
        "21 pods: 126 in flight over 60 s at 7 a pod;"
        " at least 21 pods, for 147 in flight in 30 s are predicted"
    )


def test_a_previewed_prediction_is_told_and_changes_nothing() -> None:
    world = ramp(prediction="preview", prediction_horizon="30s")
    decided = world.at(180, 126)
    assert decided.desired_pods == 18
    assert decided.prediction is not None
    assert decided.prediction.pods == 21
    assert world.explained == (
        "18 pods: 126 in flight over 60 s at 7 a pod;"
        " a prediction of 147 in flight in 30 s would ask for 21 pods"
    )


def test_a_prediction_below_the_load_says_so_and_takes_no_pod() -> None:
    world = calm(prediction="floor")
    for tick in range(75):
        world.at(62 + 2 * tick, 20 - 0.2 * tick)
    decided = world.at(212, 5)
    assert decided.prediction is not None
    assert decided.prediction.pods == 0
    assert decided.desired_pods == 1
    assert world.explained.endswith("0 in flight in 60 s are predicted, for 0 pods")


def test_credit_is_told_with_what_was_there_before_it() -> None:
    world = calm(credit_starting_pods="true")
    world.before_credit = Reading(400, 400)
    assert world.at(62, 20).before_credit == Reading(400, 400)
    assert world.explained == (
        "3 pods: 20 in flight over 60 s at 7 a pod (with credit; 400 with all that wait)"
    )
    world.before_credit = Reading(20, 20)
    world.at(64, 20)
    assert world.explained == "3 pods: 20 in flight over 60 s at 7 a pod"


def test_a_revision_that_nobody_can_reach_keeps_no_bounds_and_no_delays() -> None:
    world = calm(
        reachable="false",
        min_scale="2",
        scale_down_delay="10m",
        scale_to_zero_pod_retention_period="30m",
    )
    world.replicas = world.ready = world.at(62, 0).desired_pods
    assert world.replicas == 1
    assert world.at(64, 0).desired_pods == 0


@pytest.mark.parametrize(("remembered", "pods"), [(True, 3), (False, 1)])
def test_pods_that_another_process_knew_are_kept_though_none_is_ready_at_first(
    *, remembered: bool, pods: int
) -> None:
    knew = Remembered(initialised=True, inactive_since=None) if remembered else None
    world = World(replicas=3, ready=0, remembered=knew)
    world.at(0, 5)
    world.ready = 3
    assert world.at(2, 5).desired_pods == pods


def test_pods_that_start_and_that_nobody_wants_get_no_traffic_of_their_own() -> None:
    world = World({"target-burst-capacity": "0", "initial-scale": "0"}, replicas=1, ready=0)
    decided = world.at(0, 0)
    assert decided.limits == ("progress-deadline",)
    assert (decided.desired_pods, decided.mode) == (1, Mode.PROXY)
    assert world.at(2, 5).mode is Mode.SERVE
