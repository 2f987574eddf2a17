"""The order of waiting, and its bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activator.core.admission_queue import (
    AdmissionQueue,
    Bound,
    HeldTotals,
    QueueFullError,
    QueueLimits,
)
from activator.core.claim import Claim
from tests.activator.core.requests import FakeRequest

ROOMY = HeldTotals(1_000_000, 1_000_000)


def queue_of(limit: int, totals: HeldTotals = ROOMY, **limits: int) -> AdmissionQueue[FakeRequest]:
    return AdmissionQueue(QueueLimits(requests=limit, held_bytes=1000, **limits), totals)


def numbered(queue: AdmissionQueue[FakeRequest], count: int) -> list[FakeRequest]:
    requests = [FakeRequest(str(index)) for index in range(count)]
    for request in requests:
        queue.number(request)
    return requests


def drained(queue: AdmissionQueue[FakeRequest]) -> list[FakeRequest]:
    taken = []
    while (request := queue.take()) is not None:
        taken.append(request)
    return taken


def test_first_in_is_first_out() -> None:
    queue = queue_of(10)
    requests = numbered(queue, 3)
    for request in requests:
        queue.join(request)
    assert drained(queue) == requests


def test_who_comes_back_has_the_old_place_even_in_a_full_queue() -> None:
    queue = queue_of(2)
    first, second, third, fourth = numbered(queue, 4)
    queue.join(first)
    queue.join(second)
    with pytest.raises(QueueFullError, match="no place to wait: revision-count"):
        queue.join(third)
    assert queue.take() is first
    queue.join(fourth)
    queue.rejoin(first)
    assert drained(queue) == [first, second, fourth]


def test_those_who_come_back_in_reverse_order_keep_the_order_of_arrival() -> None:
    queue = queue_of(10)
    first, second = numbered(queue, 2)
    queue.rejoin(second)
    queue.rejoin(first)
    assert drained(queue) == [first, second]


def test_who_gave_up_is_passed_over_and_makes_room() -> None:
    queue = queue_of(2)
    first, second, third = numbered(queue, 3)
    queue.join(first)
    queue.join(second)
    queue.leave(first)
    queue.leave(first)
    assert len(queue) == 1
    queue.join(third)
    assert drained(queue) == [second, third]


def test_who_gave_up_does_not_pile_up() -> None:
    queue = queue_of(10)
    for request in numbered(queue, 10_000):
        queue.join(request)
        queue.leave(request)
    assert len(queue._levels[0]._heap) < 100


@given(st.lists(st.sampled_from(["join", "take", "rejoin", "leave"]), max_size=60), st.data())
def test_waiters_always_come_out_in_the_order_of_arrival(
    actions: list[str], data: st.DataObject
) -> None:
    queue = queue_of(1000)
    waiting: list[FakeRequest] = []
    taken: list[FakeRequest] = []
    for action in actions:
        if action == "join":
            request = FakeRequest()
            queue.number(request)
            queue.join(request)
            waiting.append(request)
        elif action == "take":
            expected = min(waiting, key=lambda request: request.arrival, default=None)
            assert queue.take() is expected
            if expected is not None:
                waiting.remove(expected)
                taken.append(expected)
        elif action == "rejoin" and taken:
            request = taken.pop(data.draw(st.integers(0, len(taken) - 1)))
            queue.rejoin(request)
            waiting.append(request)
        elif action == "leave" and waiting:
            queue.leave(waiting.pop(data.draw(st.integers(0, len(waiting) - 1))))
        assert len(queue) == len(waiting)
    assert drained(queue) == sorted(waiting, key=lambda request: request.arrival)


def test_a_more_urgent_level_goes_first_whenever_it_came() -> None:
    queue = queue_of(10)
    low, high, low_too = (FakeRequest(claim=Claim(level=level)) for level in (2, 0, 2))
    for request in (low, high, low_too):
        queue.number(request)
        queue.join(request)
    assert queue.first() is high
    assert drained(queue) == [high, low, low_too]


GOLD = Claim(tenant=b"gold")


@pytest.mark.parametrize(
    ("limits", "totals", "held", "newcomer", "bound"),
    [
        pytest.param({}, ROOMY, [Claim()] * 3, Claim(), Bound.REVISION_COUNT, id="count"),
        pytest.param(
            {},
            ROOMY,
            [Claim(held_bytes=600)],
            Claim(held_bytes=401),
            Bound.REVISION_BYTES,
            id="bytes",
        ),
        pytest.param(
            {}, HeldTotals(1, 1000), [Claim()], Claim(), Bound.PROCESS_COUNT, id="count in all"
        ),
        pytest.param(
            {},
            HeldTotals(10, 700),
            [Claim(held_bytes=600)],
            Claim(held_bytes=101),
            Bound.PROCESS_BYTES,
            id="bytes in all",
        ),
        pytest.param(
            {"tenant_requests": 2},
            ROOMY,
            [GOLD, GOLD._replace(level=1)],
            GOLD,
            Bound.TENANT_COUNT,
            id="one tenant's, in all levels",
        ),
        pytest.param(
            {"level_requests": 1},
            ROOMY,
            [Claim(level=1)],
            Claim(level=1),
            Bound.PRIORITY_COUNT,
            id="one level's",
        ),
    ],
)
def test_each_bound_turns_newcomers_away_and_says_which_it_was(
    limits: dict[str, int],
    totals: HeldTotals,
    held: list[Claim],
    newcomer: Claim,
    bound: Bound,
) -> None:
    totals = HeldTotals(totals.most, totals.most_bytes)
    queue = queue_of(3, totals, **limits)
    for claim in held:
        queue.join(FakeRequest(claim=claim))
    with pytest.raises(QueueFullError) as caught:
        queue.join(FakeRequest(claim=newcomer))
    assert caught.value.bound is bound
    drained(queue)
    queue.join(FakeRequest(claim=newcomer))  # and there is room again


def test_other_tenants_and_levels_are_not_turned_away() -> None:
    queue = queue_of(10, tenant_requests=1, level_requests=1)
    queue.join(FakeRequest(claim=GOLD))
    queue.join(FakeRequest(claim=Claim(tenant=b"iron", level=1)))
    assert len(queue) == 2


def test_what_waits_is_counted_once_in_queue_and_process() -> None:
    totals = HeldTotals(10, 1000)
    queues = [queue_of(10, totals), queue_of(10, totals)]
    requests = [FakeRequest(claim=Claim(held_bytes=100)) for _ in range(4)]
    for index, request in enumerate(requests):
        queues[index % 2].join(request)
    assert (totals.requests, totals.held_bytes) == (4, 400)
    queues[0].leave(requests[0])
    taken = queues[1].take()
    assert taken is not None
    assert (totals.requests, totals.held_bytes) == (2, 200)
    queues[1].rejoin(taken)
    assert (queues[1].held_bytes, totals.held_bytes) == (200, 300)
    for queue in queues:
        drained(queue)
    assert (totals.requests, totals.held_bytes) == (0, 0)


CLAIMS = [
    Claim(level=level, tenant=tenant, weight=weight, held_bytes=10)
    for level in (0, 1)
    for tenant, weight in ((b"A", 1), (b"B", 3))
]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["join", "take", "rejoin", "leave"]),
            st.sampled_from(CLAIMS),
            st.integers(0, 100),
        ),
        max_size=80,
    )
)
def test_the_most_urgent_go_first_and_each_tenants_requests_in_their_order(
    actions: list[tuple[str, Claim, int]],
) -> None:
    totals = HeldTotals(1_000_000, 1_000_000)
    queue = queue_of(1000, totals)
    waiting: list[FakeRequest] = []
    taken: list[FakeRequest] = []
    for action, claim, index in actions:
        if action == "join":
            request = FakeRequest(claim=claim)
            queue.number(request)
            queue.join(request)
            waiting.append(request)
        elif action == "take" and waiting:
            first = queue.take()
            assert first is not None
            assert first.claim.level == min(request.claim.level for request in waiting)
            same = [request for request in waiting if request.claim == first.claim]
            assert first is min(same, key=lambda request: request.arrival)
            waiting.remove(first)
            taken.append(first)
        elif action == "rejoin" and taken:
            request = taken.pop(index % len(taken))
            queue.rejoin(request)
            waiting.append(request)
        elif action == "leave" and waiting:
            queue.leave(waiting.pop(index % len(waiting)))
        assert len(queue) == totals.requests == len(waiting)
        assert queue.held_bytes == totals.held_bytes == 10 * len(waiting)
