from functools import partial

from inflight.simulate.core.agenda import Agenda


def test_appointments_come_in_the_order_of_time_then_of_making() -> None:
    agenda, seen = Agenda(), list[str]()
    for when, name in ((2.0, "b"), (1.0, "a"), (2.0, "c")):
        agenda.at(when, partial(seen.append, name))
    agenda.run_until(3.0)
    assert seen == ["a", "b", "c"]


def test_what_is_due_at_the_end_is_left() -> None:
    agenda, seen = Agenda(), list[str]()
    agenda.at(1.0, partial(seen.append, "late"))
    agenda.run_until(1.0)
    assert (seen, agenda.now) == ([], 1.0)


def test_action_may_make_appointments() -> None:
    agenda, seen = Agenda(), list[float]()

    def again() -> None:
        seen.append(agenda.now)
        agenda.at(agenda.now + 1, again)

    agenda.at(0.5, again)
    agenda.run_until(3.0)
    assert seen == [0.5, 1.5, 2.5]
