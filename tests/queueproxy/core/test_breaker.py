"""The breaker: never above the limit, first in first out, no slot lost."""

from hypothesis import given
from hypothesis import strategies as st

from queueproxy.core.breaker import Breaker, Ticket, TicketState


def enter(breaker: Breaker[str], name: str) -> Ticket[str]:
    ticket = breaker.enter(name)
    assert ticket is not None
    return ticket


def holder(ticket: Ticket[str] | None) -> str | None:
    return None if ticket is None else ticket.holder


def test_example_of_the_module_text() -> None:
    breaker = Breaker[str](1, 2)
    a, b, c = (enter(breaker, name) for name in "ABC")
    assert [t.state for t in (a, b, c)] == [
        TicketState.RUNNING,
        TicketState.WAITING,
        TicketState.WAITING,
    ]
    assert breaker.enter("D") is None
    assert breaker.leave(b) is None
    assert holder(breaker.leave(a)) == "C"
    assert breaker.waiting == 0
    enter(breaker, "E")
    enter(breaker, "F")
    assert breaker.enter("G") is None


def test_knative_depth_lets_eleven_in_and_refuses_the_twelfth() -> None:
    breaker = Breaker[int](1, 10)
    assert all(breaker.enter(n) for n in range(11))
    assert breaker.enter(11) is None


def test_newcomer_does_not_overtake_the_queue() -> None:
    breaker = Breaker[str](2, 5)
    first = enter(breaker, "first")
    enter(breaker, "second")
    waiting = enter(breaker, "waiting")
    breaker.resize(3, 5)  # a slot is free, but someone waits for it
    newcomer = enter(breaker, "newcomer")
    assert newcomer.state is TicketState.WAITING
    assert holder(breaker.next_granted()) == "waiting"
    assert waiting.state is TicketState.RUNNING
    assert holder(breaker.leave(first)) == "newcomer"


def test_who_does_not_want_to_wait_is_refused_while_slots_are_taken() -> None:
    breaker = Breaker[str](1, 10)
    running = enter(breaker, "running")
    assert breaker.enter("hasty", may_wait=False) is None
    assert breaker.leave(running) is None
    assert breaker.enter("hasty", may_wait=False) is not None


def test_leaving_twice_frees_one_slot() -> None:
    breaker = Breaker[str](1, 10)
    ticket = enter(breaker, "a")
    breaker.leave(ticket)
    breaker.leave(ticket)
    assert breaker.running == 0


def test_no_limit_means_everyone_runs() -> None:
    breaker = Breaker[int](0, 0)
    tickets = [breaker.enter(n, may_wait=False) for n in range(1000)]
    assert all(t is not None and t.state is TicketState.RUNNING for t in tickets)


def test_shrinking_lets_running_requests_finish_and_grants_nothing_until_below() -> None:
    breaker = Breaker[str](2, 5)
    a, b = enter(breaker, "a"), enter(breaker, "b")
    enter(breaker, "c")
    breaker.resize(1, 5)
    assert breaker.leave(a) is None
    assert holder(breaker.leave(b)) == "c"


def test_longest_waiting_is_first_in_the_queue_and_has_not_given_up() -> None:
    breaker = Breaker[str](1, 5)
    assert breaker.longest_waiting() is None
    enter(breaker, "runs")
    gone, waits = enter(breaker, "gone"), enter(breaker, "waits")
    breaker.leave(gone)
    assert breaker.longest_waiting() is waits
    assert breaker.waiting == 1
    assert enter(breaker, "next").state is TicketState.WAITING
    assert breaker.longest_waiting() is waits


def test_a_smaller_queue_sends_nobody_away_who_waits() -> None:
    breaker = Breaker[str](1, 5)
    runs, *waiting = (enter(breaker, name) for name in "ABC")
    breaker.resize(1, 1)
    assert breaker.enter("D") is None
    assert breaker.leave(runs) is waiting[0]
    assert breaker.leave(waiting[0]) is waiting[1]


def test_clients_that_give_up_do_not_fill_the_memory() -> None:
    breaker = Breaker[int](1, 10)
    breaker.enter(-1)
    for n in range(10_000):
        ticket = breaker.enter(n)
        assert ticket is not None
        breaker.leave(ticket)
    assert len(breaker._queue) <= 12


@given(
    concurrency=st.integers(1, 4),
    depth=st.integers(0, 6),
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=80),
)
def test_any_order_of_coming_and_going_keeps_limit_order_and_slots(
    concurrency: int, depth: int, steps: list[tuple[bool, int]]
) -> None:
    breaker = Breaker[int](concurrency, depth)
    alive: list[Ticket[int]] = []
    started: list[int] = []
    for number, (comes, choice) in enumerate(steps):
        if comes or not alive:
            before = breaker.running + breaker.waiting
            ticket = breaker.enter(number)
            assert (ticket is None) == (before == concurrency + depth)
            if ticket is not None:
                alive.append(ticket)
                if ticket.state is TicketState.RUNNING:
                    started.append(number)
        else:
            granted = breaker.leave(alive.pop(choice % len(alive)))
            if granted is not None:
                started.append(granted.holder)
        running = [t for t in alive if t.state is TicketState.RUNNING]
        waiting = [t for t in alive if t.state is TicketState.WAITING]
        assert breaker.running == len(running) <= concurrency
        assert breaker.waiting == len(waiting) <= depth
        assert not waiting or len(running) == concurrency
        assert started == sorted(started)
    for ticket in tuple(alive):
        breaker.leave(ticket)
    assert breaker.running == breaker.waiting == 0
