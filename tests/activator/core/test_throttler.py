"""Who goes where, who waits, who is turned away."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from activator.core.admission_queue import HeldTotals, QueueFullError
from activator.core.admission_settings import AdmissionSettings
from activator.core.lb_policy import LbPolicyName
from activator.core.pod_tracker import PodTracker
from activator.core.throttler import Throttler
from servingkit.core.revision import Address, PodState
from tests.activator.core.requests import FakeRequest, ready_pods, seeded
from tests.fakes.cluster import pod


def throttler_for(container_concurrency: int = 1, queue_limit: int = 100) -> Throttler[FakeRequest]:
    settings = AdmissionSettings(queue_limit=queue_limit)
    return Throttler(container_concurrency, settings, HeldTotals(10_000, 2**30), seeded())


def granted(throttler: Throttler[FakeRequest]) -> list[tuple[str, str]]:
    grants = []
    while (grant := throttler.next_grant()) is not None:
        grants.append((grant.request.name, grant.pod.name))
    return grants


def admit(throttler: Throttler[FakeRequest], *names: str) -> list[FakeRequest]:
    requests = [FakeRequest(name) for name in names]
    for request in requests:
        throttler.admit(request)
    return requests


def test_requests_wait_until_there_is_a_pod() -> None:
    throttler = throttler_for(container_concurrency=2)
    admit(throttler, "A", "B", "C")
    assert throttler.waiting == 3
    throttler.set_pods(ready_pods("P"))
    assert granted(throttler) == [("A", "P"), ("B", "P")]
    assert throttler.waiting == 1


def test_the_worked_example() -> None:
    throttler = throttler_for(container_concurrency=1)
    throttler.set_pods(ready_pods("P", "Q"))
    first, second = FakeRequest("A"), FakeRequest("B")
    pod_p, pod_q = throttler.admit(first), throttler.admit(second)
    assert pod_p is not None
    assert pod_q is not None
    assert (pod_p.name, pod_q.name) == ("P", "Q")
    admit(throttler, "C")
    throttler.pod_refused(pod_p)
    throttler.readmit(first)
    assert granted(throttler) == []
    throttler.free_slot(pod_q)
    assert granted(throttler) == [("A", "Q")]
    throttler.retry_refusing()
    assert granted(throttler) == [("C", "P")]


def test_a_newcomer_does_not_overtake_the_queue() -> None:
    throttler = throttler_for()
    admit(throttler, "A")
    throttler.set_pods(ready_pods("P"))
    admit(throttler, "B")
    assert granted(throttler) == [("A", "P")]


def test_beyond_the_limit_a_newcomer_is_turned_away() -> None:
    throttler = throttler_for(queue_limit=1)
    admit(throttler, "A")
    with pytest.raises(QueueFullError):
        admit(throttler, "B")


def test_a_request_that_failed_goes_to_another_pod_if_there_is_one() -> None:
    throttler = throttler_for(container_concurrency=1)
    throttler.set_pods(ready_pods("P", "Q"))
    request = FakeRequest("A")
    first = throttler.admit(request)
    assert first is not None
    throttler.free_slot(first)
    request.failed_at = first
    throttler.readmit(request)
    assert granted(throttler) == [("A", "Q")]


def test_a_request_that_failed_goes_to_the_same_pod_if_there_is_no_other() -> None:
    throttler = throttler_for()
    throttler.set_pods(ready_pods("P"))
    request = FakeRequest("A")
    only = throttler.admit(request)
    assert only is not None
    throttler.free_slot(only)
    request.failed_at = only
    throttler.readmit(request)
    assert granted(throttler) == [("A", "P")]


def test_a_pod_that_could_not_be_reached_is_used_again_after_a_good_probe() -> None:
    throttler = throttler_for()
    throttler.set_pods(ready_pods("P"))
    request = FakeRequest("A")
    only = throttler.admit(request)
    assert only is not None
    throttler.pod_failed(only)
    throttler.readmit(request)
    assert granted(throttler) == []
    assert not throttler.can_serve
    assert throttler.wants_probe(only)
    throttler.probe_passed(only, None, now=0.0)
    assert granted(throttler) == [("A", "P")]


def test_pods_that_stay_keep_their_counts() -> None:
    throttler = throttler_for(container_concurrency=2)
    throttler.set_pods(ready_pods("P"))
    admit(throttler, "A")
    throttler.set_pods(ready_pods("P", "Q"))
    assert [tracker.in_flight for tracker in throttler.pods] == [1, 0]


def test_those_who_come_back_go_in_the_order_of_arrival_whether_or_not_they_had_waited() -> None:
    throttler = throttler_for(container_concurrency=2)
    first, second, third = admit(throttler, "waits")[0], FakeRequest("at once"), FakeRequest("late")
    throttler.set_pods(ready_pods("P"))
    assert granted(throttler) == [("waits", "P")]
    assert throttler.admit(second) is not None
    assert throttler.admit(third) is None
    throttler.set_pods(ready_pods("P", "Q"))
    assert granted(throttler) == [("late", "Q")]
    pod_p, pod_q = throttler.pods
    throttler.set_pods([])
    for request, tracker in ((third, pod_q), (second, pod_p), (first, pod_p)):
        throttler.pod_failed(tracker)
        throttler.readmit(request)
    throttler.set_pods(ready_pods("R", "S"))
    assert [name for name, _ in granted(throttler)] == ["waits", "at once", "late"]


def test_a_pod_of_the_same_name_elsewhere_is_another_pod() -> None:
    throttler = throttler_for()
    throttler.set_pods(ready_pods("P"))
    (before,) = throttler.pods
    admit(throttler, "A", "B")
    throttler.set_pods([pod("P", serving=Address("127.0.0.1", 2))])
    assert [grant_to for _, grant_to in granted(throttler)] == ["P"]
    (after,) = throttler.pods
    assert (before.in_flight, after.in_flight) == (1, 1)
    throttler.free_slot(before)
    assert (before.in_flight, after.in_flight) == (0, 1)


def test_starting_pods_are_asked_only_while_requests_wait_and_none_serves() -> None:
    throttler = throttler_for()
    throttler.set_pods([pod("old", PodState.STARTING), pod("new", PodState.STARTING)])
    old, new = throttler.pods
    assert not throttler.wants_probe(new)
    admit(throttler, "A", "B")
    assert throttler.wants_probe(new)
    throttler.set_pods([pod("old"), pod("new", PodState.STARTING)])
    assert not throttler.wants_probe(new)
    assert throttler.wants_probe(old)  # to learn its concurrency


def test_a_pod_that_is_gone_is_not_asked() -> None:
    throttler = throttler_for()
    throttler.set_pods(ready_pods("P"))
    gone = throttler.pods[0]
    throttler.set_pods([])
    assert not throttler.wants_probe(gone)


def test_the_stated_concurrency_replaces_the_setting() -> None:
    throttler = throttler_for(container_concurrency=1)
    throttler.set_pods(ready_pods("P"))
    throttler.probe_passed(throttler.pods[0], 3, now=0.0)
    admit(throttler, "A", "B", "C", "D")
    assert throttler.pods[0].in_flight == 3
    assert throttler.waiting == 1


@given(container_concurrency=st.sampled_from([0, 1, 3, 10]), pods=st.integers(1, 5))
def test_every_slot_is_used_and_none_twice(container_concurrency: int, pods: int) -> None:
    throttler = throttler_for(container_concurrency)
    admit(throttler, *map(str, range(60)))
    throttler.set_pods(ready_pods(*map(str, range(pods))))
    slots = pods * container_concurrency if container_concurrency else 60
    assert [name for name, _ in granted(throttler)] == [str(n) for n in range(min(60, slots))]


def test_a_changed_policy_holds_from_the_next_request_on() -> None:
    throttler = throttler_for(container_concurrency=2)
    throttler.set_pods(ready_pods("P", "Q"))
    admit(throttler, "A")
    throttler.configure(2, AdmissionSettings(lb_policy=LbPolicyName.LEAST_LOADED))
    admit(throttler, "B")
    assert [tracker.in_flight for tracker in throttler.pods] == [1, 1]
    assert throttler.lb_policy_name is LbPolicyName.LEAST_LOADED


def test_a_changed_limit_holds_from_the_next_request_on() -> None:
    throttler = throttler_for(queue_limit=2)
    admit(throttler, "A", "B")
    throttler.configure(1, AdmissionSettings(queue_limit=1))
    assert throttler.waiting == 2
    with pytest.raises(QueueFullError):
        admit(throttler, "C")


def test_an_ejected_pod_stays_away_for_a_while_though_it_answers_probes() -> None:
    throttler = throttler_for()
    throttler.set_pods(ready_pods("P", "Q"))
    hung = throttler.pods[0]
    assert [throttler.request_failed(hung, now=0.0) for _ in range(3)] == [False, False, True]
    assert not throttler.probe_passed(hung, None, now=0.5)
    assert throttler.wants_probe(hung)
    assert [pod.name for pod in throttler.usable] == ["Q"]
    assert throttler.probe_passed(hung, None, now=1.0)
    assert [pod.name for pod in throttler.usable] == ["P", "Q"]


def test_an_ejected_pod_that_is_the_only_one_is_used_as_soon_as_it_answers() -> None:
    throttler = throttler_for()
    throttler.set_pods(ready_pods("P"))
    for _ in range(3):
        throttler.request_failed(throttler.pods[0], now=0.0)
    assert not throttler.can_serve
    assert not throttler.cold  # the pod is there
    assert throttler.probe_passed(throttler.pods[0], None, now=0.1)
    assert throttler.can_serve


class SharedPods:
    """Pods of one slot each, and the throttlers of several activators before them."""

    def __init__(self, activators: int, pods: int) -> None:
        names = [f"pod-{n}" for n in range(pods)]
        self._throttlers = [throttler_for() for _ in range(activators)]
        for throttler in self._throttlers:
            throttler.set_pods(ready_pods(*names))
        self._running: deque[tuple[Throttler[FakeRequest], PodTracker]] = deque()
        self._busy: set[str] = set()
        self.refusals = 0

    def arrive(self, activator: int) -> None:
        """Let a request come to an activator; one that a pod refuses goes to another one."""
        throttler = self._throttlers[activator]
        request = FakeRequest()
        pod = throttler.admit(request)
        while pod is not None and pod.name in self._busy:
            self.refusals += 1
            throttler.pod_refused(pod)
            throttler.readmit(request)
            grant = throttler.next_grant()
            pod = grant.pod if grant is not None else None
        assert pod is not None
        self._busy.add(pod.name)
        self._running.append((throttler, pod))

    def end_oldest(self) -> None:
        """Let the request end that has run longest."""
        throttler, pod = self._running.popleft()
        self._busy.discard(pod.name)
        throttler.free_slot(pod)
        for other in self._throttlers:
            other.retry_refusing()


def test_activators_that_fill_pods_in_the_same_order_part_ways() -> None:
    shared = SharedPods(activators=3, pods=6)
    for number in range(3):
        shared.arrive(number)
    for number in range(300):
        shared.arrive(number % 3)
        shared.end_oldest()
    assert shared.refusals <= 30  # in the same order for ever there would be more than one each


class ThrottlerMachine(RuleBasedStateMachine):
    """Requests, pods and failures in any order; a model of who holds which slot."""

    def __init__(self) -> None:
        super().__init__()
        self.throttler = throttler_for(container_concurrency=2, queue_limit=1000)
        self.waiting: list[FakeRequest] = []
        self.running: list[tuple[FakeRequest, PodTracker]] = []

    def settle(self) -> None:
        while (grant := self.throttler.next_grant()) is not None:
            assert grant.request is min(self.waiting, key=lambda request: request.arrival)
            self.waiting.remove(grant.request)
            self.running.append((grant.request, grant.pod))

    def pop_running(self, index: int) -> tuple[FakeRequest, PodTracker]:
        return self.running.pop(index % len(self.running))

    @rule()
    def arrive(self) -> None:
        request = FakeRequest()
        tracker = self.throttler.admit(request)
        if tracker is None:
            self.waiting.append(request)
        else:
            assert not self.waiting
            self.running.append((request, tracker))

    @rule(states=st.lists(st.sampled_from(PodState), max_size=4))
    def change_pods(self, states: list[PodState]) -> None:
        self.throttler.set_pods([pod(str(index), state) for index, state in enumerate(states)])
        self.settle()

    @precondition(lambda self: self.running)
    @rule(index=st.integers(0, 100))
    def end(self, index: int) -> None:
        _, tracker = self.pop_running(index)
        self.throttler.free_slot(tracker)
        self.settle()

    @precondition(lambda self: self.running)
    @rule(index=st.integers(0, 100), reached=st.booleans())
    def turn_down(self, index: int, *, reached: bool) -> None:
        request, tracker = self.pop_running(index)
        if reached:
            self.throttler.pod_refused(tracker)
        else:
            self.throttler.pod_failed(tracker)
        self.throttler.readmit(request)
        self.waiting.append(request)
        self.settle()

    @precondition(lambda self: self.waiting)
    @rule(index=st.integers(0, 100))
    def give_up(self, index: int) -> None:
        self.throttler.leave(self.waiting.pop(index % len(self.waiting)))

    @rule()
    def retry(self) -> None:
        self.throttler.retry_refusing()
        self.settle()

    @rule()
    def probe_all(self) -> None:
        for tracker in self.throttler.pods:
            self.throttler.probe_passed(tracker, None, now=1e9)
        self.settle()

    @invariant()
    def no_slot_is_lost_or_used_twice(self) -> None:
        for tracker in self.throttler.pods:
            held = sum(1 for _, used in self.running if used is tracker)
            assert tracker.in_flight == held <= 2

    @invariant()
    def nobody_waits_beside_a_free_slot(self) -> None:
        assert self.throttler.waiting == len(self.waiting)
        if self.waiting:
            assert not any(tracker.usable and tracker.has_slot for tracker in self.throttler.pods)


TestThrottlerMachine = ThrottlerMachine.TestCase
