import pytest

from inflight.simulate.core.agenda import Agenda
from inflight.simulate.core.clients import RETRY_AFTER_S, Strangers, Users
from inflight.simulate.core.load import Level, Load, LoadKind
from tests.inflight.simulate.scenarios import uniform


class Server:
    """Notes when requests came."""

    def __init__(self) -> None:
        self.agenda = Agenda()
        self.arrivals: list[float] = []

    def send(self) -> None:
        self.arrivals.append(self.agenda.now)


def test_strangers_arrive_at_the_rate_of_each_level() -> None:
    server = Server()
    load = Load(LoadKind.ARRIVALS, (Level(0, 100, 50), Level(100, 200, 0), Level(200, 300, 10)))
    Strangers(load, server.agenda, server.send, uniform(3)).begin()
    server.agenda.run_until(1000)
    counts = [sum(at // 100 == part for at in server.arrivals) for part in range(4)]
    assert counts == pytest.approx([5000, 0, 1000, 0], abs=150)


def test_times_between_arrivals_vary_as_in_a_poisson_process() -> None:
    server = Server()
    load = Load(LoadKind.ARRIVALS, tuple(Level(second, second + 1, 5) for second in range(4000)))
    Strangers(load, server.agenda, server.send, uniform(3)).begin()
    server.agenda.run_until(4000)
    counts = [0] * 4000
    for at in server.arrivals:
        counts[int(at)] += 1
    mean = sum(counts) / 4000
    variance = sum((count - mean) ** 2 for count in counts) / 4000
    assert variance == pytest.approx(mean, rel=0.06)


def test_users_have_one_request_each_and_go_on_after_an_answer() -> None:
    server = Server()
    users = Users(Load(LoadKind.CONCURRENCY, (Level(0, 9, 2.5),)), server.agenda, server.send)
    users.begin()
    server.agenda.run_until(1)
    assert server.arrivals == [0, 0, 0]
    users.answered()
    assert len(server.arrivals) == 4


def test_users_leave_after_their_answer_when_there_are_too_many() -> None:
    server = Server()
    load = Load(LoadKind.CONCURRENCY, (Level(0, 1, 2), Level(1, 2, 1)))
    users = Users(load, server.agenda, server.send)
    users.begin()
    server.agenda.run_until(2)
    users.answered()
    assert len(server.arrivals) == 2
    users.answered()
    assert len(server.arrivals) == 3


def test_refused_user_comes_again_after_a_pause() -> None:
    server = Server()
    users = Users(Load(LoadKind.CONCURRENCY, (Level(0, 9, 1),)), server.agenda, server.send)
    users.begin()
    server.agenda.run_until(1)
    users.refused()
    server.agenda.run_until(5)
    assert server.arrivals == [0, 1 + RETRY_AFTER_S]
