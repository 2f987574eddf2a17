"""What holds for a whole decision, whatever comes: its bounds, and that constant load settles."""

from math import ceil

from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.core.bounds import Observed
from autoscaler.core.collector import Collector
from autoscaler.core.coverage import Sources
from autoscaler.core.decider import TICK_S, DeciderSpec, Measure, Reading
from autoscaler.core.defaults import Defaults
from autoscaler.core.load import Load, read_load
from autoscaler.core.reason import explain
from autoscaler.core.scaler import Observation, ScalerState, initial_state, plan
from autoscaler.core.schedule import bounds_at
from autoscaler.core.settings import (
    PREFIX,
    ScalingSettings,
    decider_spec,
    parse_annotations,
)
from autoscaler.core.window import Aggregation
from servingkit.core.annotation_names import OUR_PREFIX
from servingkit.core.stat import Stat

AMOUNT = st.floats(min_value=0, max_value=1e9)
HOUR_S = 3600.0


@st.composite
def any_settings(draw: st.DrawFn) -> ScalingSettings:
    """Return settings with everything in them, Knative's and ours."""
    least = draw(st.integers(0, 5))
    most = draw(st.one_of(st.just(0), st.integers(max(1, least), 12)))
    scheduled_least = draw(st.integers(0, 8))
    scheduled_most = draw(st.one_of(st.just(0), st.integers(max(1, scheduled_least), 15)))
    annotations = {
        PREFIX + "min-scale": str(least),
        PREFIX + "max-scale": str(most),
        PREFIX + "initial-scale": str(draw(st.integers(0, 8))),
        PREFIX + "scale-down-delay": draw(st.sampled_from(["0s", "10s"])),
        PREFIX + "target": str(draw(st.floats(0.01, 100))),
        PREFIX + "window": f"{draw(st.integers(6, 60))}s",
        PREFIX + "target-burst-capacity": draw(st.sampled_from(["-1", "0", "20"])),
        OUR_PREFIX + "schedules": (
            f"0 1 * * * UTC 1h min-scale={scheduled_least};"
            f"0 2 * * * UTC 1h max-scale={scheduled_most}"
        ),
        OUR_PREFIX + "tolerance-percentage": str(draw(st.integers(0, 50))),
        OUR_PREFIX + "credit-starting-pods": draw(st.sampled_from(["true", "false"])),
        OUR_PREFIX + "prediction": draw(st.sampled_from(["off", "preview", "floor"])),
        OUR_PREFIX + "prediction-window": "1m",
        OUR_PREFIX + "reachable": draw(st.sampled_from(["true", "true", "false"])),
    }
    return parse_annotations(annotations, Defaults(allow_zero_initial_scale=True))


TICKS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.tuples(AMOUNT, AMOUNT)),  # averages
        st.one_of(st.none(), st.tuples(AMOUNT, AMOUNT)),  # another metric's
        st.integers(0, 30),  # ready pods
        st.booleans(),  # whether somebody is silent
        st.floats(0, 4 * HOUR_S),  # the time of day
        st.floats(0.1, 40),  # seconds since the tick before
    ),
    min_size=1,
    max_size=40,
)


@given(any_settings(), TICKS)
def test_no_input_drives_the_pods_outside_their_bounds(
    scaling: ScalingSettings,
    ticks: list[
        tuple[tuple[float, float] | None, tuple[float, float] | None, int, bool, float, float]
    ],
) -> None:
    spec = decider_spec(scaling, container_concurrency=10)
    state: ScalerState | None = None
    replicas, now = 0, 0.0
    for own, other, ready, silent, wall_s, elapsed_s in ticks:
        now += elapsed_s
        heard_at = {} if silent else {"a": now}
        pods = [f"pod-{number}" for number in range(ready)]
        load = Load(
            reading=None if own is None else Reading(*own),
            concurrency=0.0 if own is None else own[0],
            measures=() if other is None else (Measure("waiting", Reading(*other), 3.0),),
            silent_metrics=("waiting",) if other is None else (),
        )
        sources = Sources(pods, dict.fromkeys(pods, now), ["a"], heard_at)
        observation = Observation(load, sources, Observed(replicas, ready, 0.0), wall_s)
        if state is None:
            state = initial_state(scaling, spec, observation.cluster, now)
        decided, state = plan(scaling, spec, state, observation, now)
        replicas = decided.desired_pods
        least, most = bounds_now(scaling, wall_s)
        assert min(least, most) <= replicas <= most
        assert explain(scaling, spec, decided, now).startswith(f"{replicas} pod")


def bounds_now(scaling: ScalingSettings, wall_s: float) -> tuple[int, float]:
    """Return the least and the most pods that the settings allow at a time of day."""
    scheduled = bounds_at(scaling.additions.schedules, wall_s)
    least = scheduled.min_scale.pods if scheduled.min_scale else scaling.min_scale
    most = scheduled.max_scale.pods if scheduled.max_scale else scaling.max_scale
    return least if scaling.additions.reachable else 0, most or float("inf")


class Revision:
    """A revision under constant load; what is asked for is ready one tick later."""

    def __init__(self, scaling: ScalingSettings, spec: DeciderSpec, concurrency: float) -> None:
        self._scaling = scaling
        self._spec = spec
        self._collector = Collector(scaling)
        self._stat = Stat(
            pod_name="a", average_concurrent_requests=concurrency, request_count=concurrency
        )
        self._of_pods = Stat(
            pod_name="all",
            average_concurrent_requests=concurrency,
            average_proxied_concurrent_requests=concurrency,
            request_count=concurrency,
            proxied_request_count=concurrency,
        )
        self._state: ScalerState | None = None
        self.pods = 0

    def tick(self, now: float) -> int:
        for second in range(int(now) - TICK_S, int(now)):
            self._collector.record_activator(self._stat, second)
            if self.pods:
                self._collector.record_pod(self._of_pods, second=second, heard_at=now, weight=1)
        cluster = Observed(self.pods, self.pods, 0.0)
        load = read_load(self._scaling, self._spec, self._collector, None, cluster, now)
        names = [f"pod-{number}" for number in range(self.pods)]
        sources = Sources(names, dict.fromkeys(names, now), ["a"], {"a": now})
        observation = Observation(load, sources, cluster, 0.0)
        if self._state is None:
            self._state = initial_state(self._scaling, self._spec, observation.cluster, now)
        decided, self._state = plan(self._scaling, self._spec, self._state, observation, now)
        self.pods = decided.desired_pods
        return self.pods


@st.composite
def calm_settings(draw: st.DrawFn) -> ScalingSettings:
    """Return settings without bounds, and without prediction: its window is one of its own."""
    annotations = {
        PREFIX + "initial-scale": "0",
        PREFIX + "target": str(draw(st.floats(1, 100))),
        PREFIX + "target-utilization-percentage": str(draw(st.integers(1, 100))),
        PREFIX + "window": f"{draw(st.integers(6, 60))}s",
        PREFIX + "panic-window-percentage": str(draw(st.integers(1, 100))),
        PREFIX + "panic-threshold-percentage": str(draw(st.integers(110, 1000))),
        PREFIX + "metric-aggregation-algorithm": draw(
            st.sampled_from([aggregation.value for aggregation in Aggregation])
        ),
        PREFIX + "scale-down-delay": draw(st.sampled_from(["0s", "30s"])),
        OUR_PREFIX + "tolerance-percentage": draw(st.sampled_from(["0", "10"])),
        OUR_PREFIX + "credit-starting-pods": draw(st.sampled_from(["true", "false"])),
    }
    return parse_annotations(annotations, Defaults(allow_zero_initial_scale=True))


@settings(max_examples=30)
@given(st.floats(0.001, 2000), calm_settings())
def test_a_constant_load_settles_within_a_stable_window_and_two_ticks_and_stays(
    concurrency: float, scaling: ScalingSettings
) -> None:
    spec = decider_spec(scaling, container_concurrency=0)
    revision = Revision(scaling, spec, concurrency)
    settling = ceil(scaling.stable_window_s / TICK_S) + 2
    pods = [revision.tick(100.5 + TICK_S * number) for number in range(settling + 30)]
    settled = set(pods[settling:])
    assert len(settled) == 1
    needed = concurrency / spec.target_value * (1 - scaling.additions.tolerance_ratio)
    # Averages have 6 decimals, and weights that add up to 0.9999 or more.
    assert settled.pop() >= max(1, 0.9999 * needed - 1e-6)
