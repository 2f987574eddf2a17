"""Turns between tenants."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activator.core.claim import Claim
from activator.core.fair_queue import FairQueue
from tests.activator.core.requests import FakeRequest

Queue = FairQueue[FakeRequest]


class Line:
    """A fair queue and the requests in it, named by tenant and number: A1, A2, B1."""

    def __init__(self, **weights: int) -> None:
        self.queue: Queue = FairQueue()
        self._weights = weights
        self._sent: Counter[str] = Counter()
        self._arrivals = 0

    def send(self, tenant: str, count: int = 1) -> list[FakeRequest]:
        return [self._send(tenant) for _ in range(count)]

    def take(self, count: int = 1000) -> str:
        taken = []
        while count and (request := self.queue.take()) is not None:
            taken.append(request.name)
            count -= 1
        return " ".join(taken)

    def _send(self, tenant: str) -> FakeRequest:
        self._sent[tenant] += 1
        self._arrivals += 1
        weight = self._weights.get(tenant, 1)
        request = FakeRequest(
            f"{tenant}{self._sent[tenant]}", Claim(tenant=tenant.encode(), weight=weight)
        )
        request.arrival = self._arrivals
        self.queue.join(request)
        return request


def test_the_worked_example() -> None:
    line = Line()
    line.send("A", 4)
    line.send("B")
    assert line.take() == "A1 B1 A2 A3 A4"
    line = Line(A=2)
    line.send("A", 4)
    line.send("B", 2)
    assert line.take() == "A1 A2 B1 A3 A4 B2"


def test_tenants_that_wait_have_turns_by_their_weights() -> None:
    line = Line(A=3)
    line.send("A", 100)
    line.send("B", 100)
    turns = Counter(name[0] for name in line.take(40).split())
    assert turns == {"A": 30, "B": 10}


def test_a_tenant_that_was_away_has_saved_no_turns_up() -> None:
    line = Line()
    line.send("A", 20)
    assert line.take(10) == " ".join(f"A{n}" for n in range(1, 11))
    line.send("B", 20)
    turns = Counter(name[0] for name in line.take(10).split())
    assert turns == {"A": 5, "B": 5}


def test_who_comes_back_has_the_old_place() -> None:
    line = Line()
    first, second, _ = line.send("A", 3)
    line.send("B", 2)
    line.take(4)
    line.queue.rejoin(second)
    line.queue.rejoin(first)
    assert line.take() == "A1 A2 A3"


def test_who_comes_back_is_before_newcomers_though_the_queue_was_empty_meanwhile() -> None:
    line = Line()
    first, *_ = line.send("A", 5)
    line.take()
    line.send("A")
    line.send("B")
    line.queue.rejoin(first)
    assert line.take() == "A1 A6 B1"


def test_tenants_that_nobody_has_seen_do_not_starve_who_waits() -> None:
    line = Line()
    line.send("Z", 3)
    taken = []
    for number in range(10):
        line.send(f"new-{number}-")
        taken.append(line.take(1))
    assert [name for name in taken if name.startswith("Z")] == ["Z1", "Z2", "Z3"]


def test_only_tenants_that_wait_are_remembered() -> None:
    line = Line()
    for number in range(1000):
        (request,) = line.send(f"tenant-{number}-")
        if number % 2:
            line.queue.leave(request)
        else:
            line.take(1)
    line.send("A")
    assert list(line.queue._tenants) == [b"A"]


@given(
    st.lists(
        st.tuples(st.sampled_from(["send", "take", "leave"]), st.sampled_from("ABC")), max_size=80
    )
)
def test_every_tenants_requests_go_in_the_order_of_arrival_and_none_is_lost(
    actions: list[tuple[str, str]],
) -> None:
    line = Line(A=2)
    waiting: list[FakeRequest] = []
    for action, tenant in actions:
        if action == "send":
            waiting += line.send(tenant)
        elif action == "leave" and waiting:
            line.queue.leave(waiting.pop())
        elif action == "take" and waiting:
            taken = line.queue.take()
            assert taken is not None
            same = [request for request in waiting if request.claim == taken.claim]
            assert taken is same[0]
            waiting.remove(taken)
        assert len(line.queue) == len(waiting)
        for name in "ABC":
            count = sum(request.claim.tenant == name.encode() for request in waiting)
            assert line.queue.waiting_of(name.encode()) == count


@pytest.mark.parametrize("weight", [1, 3, 7])
def test_one_tenant_alone_is_served_first_in_first_out(weight: int) -> None:
    line = Line(A=weight)
    line.send("A", 50)
    assert line.take() == " ".join(f"A{n}" for n in range(1, 51))
