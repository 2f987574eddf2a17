import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servingkit.http1.wheel import NEVER, TICK_S, Wheel


class Entry:
    """A deadline that notes when it was acted on."""

    def __init__(self) -> None:
        self.deadline_at = NEVER
        self.wheel_slot = -1
        self.due: list[float] = []

    def on_deadline(self, now: float) -> None:
        self.due.append(now)


class At:
    """A wheel with an entry; times count from the wheel's beginning."""

    def __init__(self) -> None:
        self.wheel = Wheel()
        self.begin = self.wheel.now
        self.entry = Entry()

    def set(self, at: float) -> None:
        self.wheel.set(self.entry, self.begin + at)

    def tick(self, at: float) -> int:
        self.wheel.tick(self.begin + at)
        return len(self.entry.due)


def test_deadline_is_acted_on_once_and_never_early() -> None:
    at = At()
    at.set(1.0)
    assert at.tick(0.99) == 0
    assert at.tick(1.21) == 1
    assert at.tick(9.0) == 1


def test_deadline_that_is_moved_later_is_acted_on_then() -> None:
    at = At()
    at.set(1.0)
    at.set(3.0)
    assert at.tick(2.0) == 0
    assert at.tick(3.3) == 1


def test_deadline_that_is_moved_earlier_is_acted_on_then_and_not_again() -> None:
    at = At()
    at.set(3.0)
    at.set(1.0)
    assert at.tick(1.3) == 1
    at.set(3.0)
    assert at.tick(3.3) == 2
    assert at.tick(9.0) == 2


def test_cleared_deadline_is_not_acted_on() -> None:
    at = At()
    at.set(1.0)
    at.set(NEVER)
    assert at.tick(9.0) == 0


def test_deadline_in_the_past_is_acted_on_at_the_next_tick() -> None:
    at = At()
    at.tick(5.0)
    at.set(1.0)
    assert at.tick(5.0 + 2 * TICK_S) == 1


def test_deadline_set_while_one_is_acted_on_comes_in_its_turn() -> None:
    at = At()

    class Again(Entry):
        def on_deadline(self, now: float) -> None:
            super().on_deadline(now)
            at.wheel.set(self, now + 1.0)

    at.entry = Again()
    at.set(1.0)
    assert at.tick(1.3) == 1
    assert at.tick(2.0) == 1
    assert at.tick(2.5) == 2


def test_entry_that_another_entry_removes_is_not_acted_on() -> None:
    at = At()

    class Remover(Entry):
        def on_deadline(self, now: float) -> None:
            super().on_deadline(now)
            at.wheel.remove(other)

    at.entry, other = Remover(), Remover()
    at.set(1.0)
    at.wheel.set(other, at.begin + 1.35)
    assert at.tick(3.0) == 1
    assert other.due == []


def test_removed_entry_is_free_at_once() -> None:
    at = At()
    at.set(600.0)
    gone = weakref.ref(at.entry)
    at.wheel.remove(at.entry)
    at.entry = Entry()
    gc.collect()
    assert gone() is None


def test_entry_that_fails_stops_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Entry):
        def on_deadline(self, now: float) -> None:
            raise ValueError(now)

    def fail(now: float) -> None:
        raise KeyError(now)

    at = At()
    ticks: list[float] = []
    at.wheel.on_tick(fail)
    at.wheel.on_tick(ticks.append)
    at.wheel.set(Failing(), at.begin + 1.0)
    at.set(1.0)
    assert at.tick(1.3) == 1
    assert ticks == [at.begin + 1.3]
    assert "ValueError" in caplog.text
    assert "KeyError" in caplog.text


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.floats(-1.0, 5.0) | st.just(NEVER)),
        st.tuples(st.just("tick"), st.floats(0.0, 1.0)),
        st.tuples(st.just("remove"), st.just(0.0)),
    ),
    max_size=40,
)


@given(STEPS)
def test_deadlines_are_never_early_never_twice_and_at_most_two_ticks_late(
    steps: list[tuple[str, float]],
) -> None:
    at = At()
    now, deadline = 0.0, NEVER
    for step, amount in [*steps, ("tick", 6.0), ("tick", 6.0)]:
        before = len(at.entry.due)
        if step == "set":
            deadline = now + amount
            at.set(deadline)
        elif step == "remove":
            deadline = NEVER
            at.wheel.remove(at.entry)
        else:
            now += amount
            at.tick(now)
            acted = len(at.entry.due) - before
            if acted:
                assert acted == 1
                assert deadline <= now + 1e-6
                deadline = NEVER
            elif amount >= 2 * TICK_S:
                assert deadline > now - 2 * TICK_S
