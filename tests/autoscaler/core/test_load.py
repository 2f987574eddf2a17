from autoscaler.core.bounds import Observed
from autoscaler.core.collector import Collector
from autoscaler.core.decider import Measure, Reading
from autoscaler.core.defaults import Defaults
from autoscaler.core.load import Load, read_load
from autoscaler.core.model_metrics import ModelMetricHistory
from autoscaler.core.settings import PREFIX, ScalingSettings, decider_spec, parse_annotations
from servingkit.core.annotation_names import OF_SCALING, OUR_PREFIX
from servingkit.core.stat import Stat

WAITING = "vllm:num_requests_waiting"


def settings(**annotations: str) -> ScalingSettings:
    names = {name.replace("_", "-"): value for name, value in annotations.items()}
    named = {
        (OUR_PREFIX if name in OF_SCALING else PREFIX) + name: value
        for name, value in names.items()
    }
    return parse_annotations(named, Defaults())


class Pods:
    """A pod that works 0.5 s on a request, four at a time, behind an activator that holds more."""

    def __init__(self, scaling: ScalingSettings) -> None:
        self._settings = scaling
        self.collector = Collector(scaling)
        self.history = ModelMetricHistory(scaling.additions.model_metrics)

    def second(self, at: int, *, in_flight: float, arrivals: float, running: float) -> None:
        activator = Stat(
            pod_name="a", average_concurrent_requests=in_flight, request_count=arrivals
        )
        self.collector.record_activator(activator, at)
        pod = Stat(
            pod_name="pod",
            average_concurrent_requests=running,
            average_proxied_concurrent_requests=running,
            request_count=running / 0.5,
            proxied_request_count=running / 0.5,
        )
        self.collector.record_pod(pod, second=at, heard_at=at + 0.5, weight=1)

    def load(self, now: float, ready_pods: int = 1) -> Load:
        spec = decider_spec(self._settings, container_concurrency=4)
        cluster = Observed(1, ready_pods, None)
        return read_load(self._settings, spec, self.collector, self.history, cluster, now)


def test_without_credit_all_that_waits_is_load() -> None:
    pods = Pods(settings())
    for at in range(60):
        pods.second(at, in_flight=400, arrivals=20, running=4)
    load = pods.load(60.9)
    assert load.reading == Reading(400, 400)
    assert load.before_credit is None


def test_with_credit_what_waits_is_the_work_it_is() -> None:
    pods = Pods(settings(credit_starting_pods="true"))
    for at in range(60):
        pods.second(at, in_flight=400, arrivals=20, running=4)
    load = pods.load(60.9)
    assert load.reading is not None
    assert round(load.reading.stable, 6) == round(10 + 396 * 0.5 / 60, 6)
    assert load.before_credit == Reading(400, 400)
    assert load.concurrency == 400


def test_how_long_a_request_takes_is_remembered_through_idle_times() -> None:
    pods = Pods(settings(credit_starting_pods="true"))
    for at in range(10):
        pods.second(at, in_flight=4, arrivals=8, running=4)
    pods.load(10.9)
    for at in range(200, 206):
        pods.second(at, in_flight=100, arrivals=20, running=0)
    load = pods.load(206.9)
    assert load.reading is not None
    assert round(load.reading.panic, 6) == round(10 + 100 * 0.5 / 60, 6)


def test_until_a_pod_has_served_the_only_one_asked_for_has_it_all() -> None:
    pods = Pods(settings(credit_starting_pods="true"))
    for at in range(6):
        pods.second(at, in_flight=100, arrivals=20, running=0)
    assert pods.load(6.9).reading == Reading(100, 100)


def test_nothing_heard_is_no_reading() -> None:
    load = Pods(settings(credit_starting_pods="true")).load(5.0)
    assert load.reading is None
    assert load.before_credit is None


def test_further_metrics_come_with_their_targets() -> None:
    pods = Pods(settings(metrics=f"rps=5,gauge:{WAITING}=4"))
    pods.second(0, in_flight=3, arrivals=20, running=3)
    pods.history.record({"pod": {WAITING: 7}}, 1, 60, 1.0)
    assert pods.load(1.9).measures == (
        Measure("rps", Reading(20, 20), 5.0),
        Measure(WAITING, Reading(7, 7), 4.0),
    )


def test_a_metric_is_silent_only_while_there_are_pods_to_tell_it() -> None:
    pods = Pods(settings(metrics=f"gauge:{WAITING}=4"))
    assert pods.load(1.0).silent_metrics == (WAITING,)
    assert pods.load(1.0, ready_pods=0).silent_metrics == ()


def test_settings_that_change_switch_the_credit_on_and_off() -> None:
    with_credit, without = settings(credit_starting_pods="true", window="30s"), settings()
    collector = Collector(without)
    for scaling in (with_credit, with_credit, without):
        collector.configure(scaling)
        collector.record_pod(
            Stat(pod_name="pod", average_concurrent_requests=3), second=1, heard_at=1.5, weight=1
        )
    spec = decider_spec(without, container_concurrency=4)
    assert collector.credited(Reading(9, 9), spec, 1, 2.9) == Reading(9, 9)
