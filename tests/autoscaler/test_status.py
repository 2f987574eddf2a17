from dataclasses import replace

from autoscaler.cluster import Cluster
from autoscaler.core.bounds import Phase
from autoscaler.core.coverage import Coverage
from autoscaler.core.decider import Decision, Measure, Reading
from autoscaler.core.prediction import Prediction, PredictionMode
from autoscaler.core.scaler import Plan
from autoscaler.core.schedule import bounds_at, parse_schedules
from autoscaler.status import (
    MeasureStatus,
    PredictionStatus,
    RevisionDetail,
    RevisionStatus,
    detail_of,
    status_of,
)
from autoscaler.tracked_revision import TrackedRevision
from servingkit.core.revision import Mode, PodState
from servingkit.core.stat import Stat
from tests.autoscaler.tracked import IRIS, OBSERVED, idle_plan, tracked_revision
from tests.fakes.cluster import FakeCluster, pod


def seams(fake: FakeCluster) -> Cluster:
    return Cluster(
        revisions=fake, pods=fake, scale=fake, public_endpoints=fake, activators=fake, states=fake
    )


def status(tracked: TrackedRevision, cluster: FakeCluster | None = None) -> RevisionStatus:
    return status_of(tracked, seams(cluster or FakeCluster()), 10.5)


def detail(tracked: TrackedRevision) -> RevisionDetail:
    return detail_of(tracked, seams(FakeCluster()), 10.5)


def plan_with(decision: Decision | None, *, complete: bool) -> Plan:
    return Plan(
        desired_pods=2,
        mode=Mode.PROXY,
        activators=2,
        phase=Phase.ACTIVE,
        excess_burst_capacity=4,
        decision=decision,
        panic_at=None,
        coverage=Coverage(decrease=complete, zero=complete, silent=(), overdue=False),
        limits=(),
    )


def test_before_the_first_decision_nothing_is_known() -> None:
    first = status(tracked_revision())
    assert first.desired_pods is None
    assert first.stable_value is None
    assert first.concurrency is None
    assert first.phase == "activating"
    assert first.mode == "proxy"
    assert first.reason == "not decided yet"


def test_a_decision_shows_its_numbers() -> None:
    tracked = tracked_revision()
    decision = Decision(
        desired_pods=2,
        excess_burst_capacity=4,
        reading=Reading(9.0, 8.0),
        stable_pods=2,
        panic_pods=2,
        limits=(),
    )
    tracked.settle(plan_with(decision, complete=True), OBSERVED, 0.0)
    tracked.published = Mode.SERVE
    shown = status(tracked)
    assert (shown.stable_value, shown.panic_value) == (9.0, 8.0)
    assert (shown.desired_pods, shown.excess_burst_capacity) == (2, 4)
    assert (shown.mode, shown.target_value) == ("serve", 7.0)
    assert shown.reason.endswith("9 in flight over 60 s at 7 a pod")


def test_load_is_that_of_the_last_full_second() -> None:
    tracked = tracked_revision()
    for second, concurrency in ((8, 1.0), (9, 2.0), (10, 3.0)):
        stat = Stat(pod_name="a", average_concurrent_requests=concurrency, request_count=5)
        tracked.collector.record_activator(stat, second)
    shown = status(tracked)
    assert (shown.concurrency, shown.requests_per_second) == (2.0, 5.0)


def test_a_second_without_a_word_is_no_load_only_when_everyone_reported() -> None:
    tracked = tracked_revision()
    tracked.settle(plan_with(None, complete=True), OBSERVED, 0.0)
    assert status(tracked).concurrency == 0
    tracked.settle(plan_with(None, complete=False), OBSERVED, 0.0)
    assert status(tracked).concurrency is None


def test_pods_are_counted_by_their_state() -> None:
    cluster = FakeCluster()
    cluster.put_pods(
        IRIS, pod("a"), pod("b"), pod("c", PodState.STARTING), pod("d", PodState.TERMINATING)
    )
    shown = status(tracked_revision(), cluster)
    assert (shown.ready_pods, shown.starting_pods, shown.terminating_pods) == (2, 1, 1)


def test_all_that_is_known_of_a_revision_has_windows_and_decisions() -> None:
    tracked = tracked_revision()
    for second in (8, 9):
        stat = Stat(pod_name="a", average_concurrent_requests=3.0, request_count=5)
        tracked.collector.record_activator(stat, second)
    tracked.settle(idle_plan(), OBSERVED, 0.0)
    shown = detail(tracked)
    assert shown.windows.stable_window_s == 60
    assert shown.windows.concurrency == (*([None] * 58), 3.0, 3.0)
    assert shown.windows.requests_per_second[-1] == 5.0
    (decision,) = shown.decisions
    assert (decision.desired_pods, decision.stable_pods, decision.asked_pods) == (1, 0, 2)
    assert decision.held_by == ("window",)
    assert decision.reason == "1 pod: 0 in flight over 60 s at 7 a pod; held by window"
    assert decision.target_value == 7.0
    assert shown.held_by == ("window",)
    assert shown.name == "iris"


def test_a_decision_without_data_shows_no_numbers() -> None:
    tracked = tracked_revision()
    tracked.settle(plan_with(None, complete=False), OBSERVED, 0.0)
    (decision,) = detail(tracked).decisions
    assert (decision.stable_value, decision.panic_pods) == (None, None)


def test_a_decision_shows_what_else_it_looked_at() -> None:
    tracked = tracked_revision()
    decision = Decision(
        desired_pods=2,
        excess_burst_capacity=4,
        reading=Reading(9.0, 8.0),
        stable_pods=2,
        panic_pods=2,
        limits=(),
        measures=(Measure("waiting", Reading(3.0, 4.0), 2.0),),
    )
    plan = plan_with(decision, complete=True)._replace(
        prediction=Prediction(12.0, 60.0, 2, PredictionMode.PREVIEW),
        before_credit=Reading(90.0, 80.0),
        scheduled=bounds_at(parse_schedules("0 0 * * * UTC 24h min-scale=2"), 86_400.0),
        silent_metrics=("tokens_total",),
    )
    tracked.settle(plan, OBSERVED, 0.0)
    (shown,) = detail(tracked).decisions
    assert shown.measures == (
        MeasureStatus(metric="waiting", target_value=2.0, stable_value=3.0, panic_value=4.0),
    )
    assert shown.prediction == PredictionStatus(mode="preview", value=12.0, horizon_s=60.0, pods=2)
    assert (shown.scheduled_min_scale, shown.scheduled_max_scale) == (2, None)
    assert (shown.before_credit_value, shown.silent_metrics) == (90.0, ("tokens_total",))


def test_annotations_that_nobody_reads_are_shown() -> None:
    tracked = tracked_revision()
    misspelled = replace(tracked.revision, annotations={"inflight.dev/schedule": ""})
    tracked.update(misspelled, tracked.settings)
    (sentence,) = detail(tracked).unknown_annotations
    assert sentence == "nobody reads inflight.dev/schedule; is inflight.dev/schedules meant?"
