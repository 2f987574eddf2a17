import math

import pytest

from autoscaler.core.collector import Collector, SecondOfLoad
from autoscaler.core.decider import Reading
from autoscaler.core.defaults import Defaults
from autoscaler.core.settings import PREFIX, Metric, ScalingSettings, parse_annotations
from servingkit.core.stat import Stat


def settings(**annotations: str) -> ScalingSettings:
    named = {PREFIX + name.replace("_", "-"): value for name, value in annotations.items()}
    return parse_annotations(named, Defaults())


def pod_stat(concurrency: float, *, proxied: float = 0.0, requests: float = 0.0) -> Stat:
    return Stat(
        pod_name="pod",
        average_concurrent_requests=concurrency,
        average_proxied_concurrent_requests=proxied,
        request_count=requests,
    )


def record_pod(collector: Collector, stat: Stat, at: float, weight: float = 1.0) -> None:
    collector.record_pod(stat, second=math.floor(at), heard_at=at, weight=weight)


def test_the_sample_of_the_module() -> None:
    collector = Collector(settings())
    record_pod(collector, pod_stat(5, proxied=4), 0.2)
    collector.record_activator(
        Stat(pod_name="activator", average_concurrent_requests=6, request_count=3), 0
    )
    assert collector.last_second(1.5) == SecondOfLoad(7, 3)
    assert collector.reading(Metric.CONCURRENCY, 0.9) == Reading(7, 7)


def test_a_second_that_is_still_running_does_not_thin_the_average() -> None:
    collector = Collector(settings())
    for second in range(10):
        collector.record_activator(
            Stat(pod_name="activator", average_concurrent_requests=12), second
        )
        record_pod(collector, pod_stat(12, proxied=12), second + 0.1)
    record_pod(collector, pod_stat(12, proxied=12), 10.1)  # the activator's report is to come
    assert collector.reading(Metric.CONCURRENCY, 10.5) == Reading(12, 12)


def test_the_first_load_after_a_silence_is_seen_at_once() -> None:
    collector = Collector(settings())
    for second in range(10):
        record_pod(collector, pod_stat(0), second + 0.1)
    collector.record_activator(Stat(pod_name="activator", average_concurrent_requests=1), 10)
    reading = collector.reading(Metric.CONCURRENCY, 10.2)
    assert reading is not None
    assert reading.panic > 0
    collector.record_activator(Stat(pod_name="activator", average_concurrent_requests=5), 10)
    assert collector.last_second(11.25) == SecondOfLoad(6, 0)


def test_windows_are_empty_a_stable_window_after_the_last_report() -> None:
    collector = Collector(settings())
    record_pod(collector, pod_stat(1), 5.0)
    assert collector.reading(Metric.CONCURRENCY, 65.9) is not None
    assert collector.reading(Metric.CONCURRENCY, 66.0) is None


def test_a_late_report_still_counts() -> None:
    collector = Collector(settings())
    record_pod(collector, pod_stat(2), 5.0)
    assert collector.last_second(5.5) is None
    collector.record_pod(pod_stat(3), second=4, heard_at=5.5, weight=1)
    assert collector.last_second(5.5) == SecondOfLoad(3, 0)
    assert collector.last_second(6.25) == SecondOfLoad(2, 0)


def test_a_sampled_pod_speaks_for_the_others() -> None:
    collector = Collector(settings())
    record_pod(collector, pod_stat(5, requests=2), 0.0, weight=10 / 7)
    second = collector.last_second(1.5)
    assert second is not None
    assert second.concurrency == pytest.approx(50 / 7)
    assert second.requests_per_second == pytest.approx(20 / 7)


def test_an_answer_counts_for_the_second_in_which_it_was_asked_for() -> None:
    collector = Collector(settings())
    collector.record_pod(pod_stat(1), second=3, heard_at=3.1, weight=1)
    collector.record_pod(pod_stat(1), second=2, heard_at=3.2, weight=1)
    assert collector.last_second(4.5) == SecondOfLoad(1, 0)
    assert collector.last_second(3.5) == SecondOfLoad(1, 0)
    assert collector.pods_heard_at == {"pod": 3.2}


def test_nothing_recorded_means_no_second_and_empty_windows() -> None:
    collector = Collector(settings())
    assert collector.last_second(5.0) is None
    assert collector.reading(Metric.CONCURRENCY, 5.0) is None
    record_pod(collector, pod_stat(0), 5.0)
    assert collector.reading(Metric.CONCURRENCY, 5.0) is not None


def test_what_each_pod_has_in_flight_is_known_until_it_is_gone() -> None:
    collector = Collector(settings())
    record_pod(collector, pod_stat(3, proxied=2), 5.0)
    assert collector.pods_concurrency == {"pod": 3}
    collector.forget_pods(frozenset({"other"}))
    assert collector.pods_heard_at == {}
    assert collector.pods_concurrency == {}


def test_a_second_is_open_for_late_reports_until_a_quarter_second_after_its_end() -> None:
    collector = Collector(settings())
    for second in range(3):
        record_pod(collector, pod_stat(1), second)
    assert collector.reading(Metric.CONCURRENCY, 3.2) == Reading(1, 1)
    record_pod(collector, pod_stat(6), 2)
    assert collector.reading(Metric.CONCURRENCY, 3.2) == Reading(1, 1)
    assert collector.reading(Metric.CONCURRENCY, 3.25) == pytest.approx((3, 3))


def test_seconds_that_nobody_reads_do_not_pile_up() -> None:
    collector = Collector(settings())
    for second in range(100):
        record_pod(collector, pod_stat(1), second)
    assert len(collector._open) == 2
    assert repr(collector._open[1]) == "<OpenSecond 99: 1 in flight>"
    assert collector.reading(Metric.CONCURRENCY, 100.5) == Reading(1, 1)


def test_new_window_lengths_keep_the_load() -> None:
    collector = Collector(settings())
    record_pod(collector, pod_stat(4), 5.0)
    collector.configure(settings(window="30s"))
    assert collector.reading(Metric.CONCURRENCY, 5.0) == Reading(4, 4)


def test_another_aggregation_keeps_the_load() -> None:
    collector = Collector(settings())
    for second in range(60):
        record_pod(collector, pod_stat(4), second)
    collector.configure(settings(metric_aggregation_algorithm="weighted-exponential"))
    assert collector.reading(Metric.CONCURRENCY, 60.5) == pytest.approx((4, 4), rel=1e-3)
