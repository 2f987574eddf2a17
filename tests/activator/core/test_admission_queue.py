"""The order of waiting, and its bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activator.core.admission_queue import AdmissionQueue, QueueFullError
from tests.activator.core.requests import FakeRequest


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
    queue: AdmissionQueue[FakeRequest] = AdmissionQueue(10)
    requests = numbered(queue, 3)
    for request in requests:
        queue.join(request)
    assert drained(queue) == requests


def test_who_comes_back_has_the_old_place_even_in_a_full_queue() -> None:
    queue: AdmissionQueue[FakeRequest] = AdmissionQueue(2)
    first, second, third, fourth = numbered(queue, 4)
    queue.join(first)
    queue.join(second)
    with pytest.raises(QueueFullError, match="2 requests wait already"):
        queue.join(third)
    assert queue.take() is first
    queue.join(fourth)
    queue.rejoin(first)
    assert drained(queue) == [first, second, fourth]


def test_those_who_come_back_in_reverse_order_keep_the_order_of_arrival() -> None:
    queue: AdmissionQueue[FakeRequest] = AdmissionQueue(10)
    first, second = numbered(queue, 2)
    queue.rejoin(second)
    queue.rejoin(first)
    assert drained(queue) == [first, second]


def test_who_gave_up_is_passed_over_and_makes_room() -> None:
    queue: AdmissionQueue[FakeRequest] = AdmissionQueue(2)
    first, second, third = numbered(queue, 3)
    queue.join(first)
    queue.join(second)
    queue.leave(first)
    queue.leave(first)
    assert len(queue) == 1
    queue.join(third)
    assert drained(queue) == [second, third]


def test_who_gave_up_does_not_pile_up() -> None:
    queue: AdmissionQueue[FakeRequest] = AdmissionQueue(10)
    for request in numbered(queue, 10_000):
        queue.join(request)
        queue.leave(request)
    assert len(queue._heap) < 100


@given(st.lists(st.sampled_from(["join", "take", "rejoin", "leave"]), max_size=60), st.data())
def test_waiters_always_come_out_in_the_order_of_arrival(
    actions: list[str], data: st.DataObject
) -> None:
    queue: AdmissionQueue[FakeRequest] = AdmissionQueue(1000)
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
