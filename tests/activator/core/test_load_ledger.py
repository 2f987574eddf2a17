"""What is told of the load, as Knative's activator tells it."""

import pytest

from activator.core.load_ledger import LoadLedger, Told
from servingkit.core.revision import RevisionId
from servingkit.core.stat import Stat

IRIS = RevisionId("default", "iris")


Pairs = list[tuple[float, float]]


def pair(stat: Stat) -> tuple[float, float]:
    assert stat.pod_name == "activator-1"
    return stat.average_concurrent_requests, stat.request_count


class Script:
    """A ledger, and all that one autoscaler was told."""

    def __init__(self) -> None:
        self.ledger = LoadLedger()
        self.told = Told(self.ledger, "activator-1")
        self.said: list[tuple[float, float]] = []

    def arrive(self, now: float, count: int = 1) -> None:
        for _ in range(count):
            if self.ledger.request_arrived(IRIS, now):
                self.tell_early()

    def wait(self) -> None:
        if self.ledger.request_waits(IRIS):
            self.tell_early()

    def tell_early(self) -> None:
        self.said.append(pair(self.told.tell_early(IRIS)))

    def tick(self, now: float) -> None:
        number = self.ledger.period_number
        stats = self.told.report(self.ledger.end_period(now), number)
        self.said += [pair(stats[IRIS])] if IRIS in stats else []


def script(*events: tuple[float, str]) -> list[tuple[float, float]]:
    """Replay `in`, `out` and `tick` at their times; return (concurrency, count) as told."""
    playing = Script()
    for at, event in events:
        match event:
            case "in":
                playing.arrive(at)
            case "out":
                playing.ledger.request_left(IRIS, at)
            case _:
                playing.tick(at)
    return playing.said


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(
            [(0, "in"), (1, "out"), (1, "in"), (2, "out"), (2, "tick")],
            [(1, 1), (0, 1)],
            id="two requests back to back",
        ),
        pytest.param(
            [(0, "in"), (0, "in"), (1, "tick"), (2, "tick")],
            [(1, 1), (1, 1), (2, 0)],
            id="two that stay",
        ),
        pytest.param(
            [(0, "in"), (1, "out"), (1, "tick"), (2, "tick"), (3, "in")],
            [(1, 1), (0, 0), (0, 0), (1, 1)],
            id="idle, then poked again",
        ),
        pytest.param(
            [(0, "in"), (0, "in"), (1, "out"), (2, "out"), (2, "tick")],
            [(1, 1), (0.5, 1)],
            id="two of different length",
        ),
    ],
)
def test_the_sequences_of_knative(
    events: list[tuple[float, str]], expected: list[tuple[float, float]]
) -> None:
    assert script(*events) == expected


def test_an_idle_revision_is_reported_once_and_dropped() -> None:
    assert script((0, "in"), (0.5, "out"), (1, "tick"), (2, "tick"), (3, "tick")) == [
        (1, 1),
        (0, 0),
        (0, 0),
    ]


def test_a_request_that_arrived_with_the_tick_is_not_forgotten() -> None:
    ledger = LoadLedger()
    ledger.request_arrived(IRIS, 1.0)
    ledger.end_period(1.0)
    assert ledger.concurrency(IRIS) == 1
    ledger.request_left(IRIS, 1.5)
    assert ledger.concurrency(IRIS) == 0


def test_a_new_connection_is_told_what_is_in_flight_and_it_counts_once() -> None:
    playing = Script()
    playing.arrive(0.0, count=3)
    playing.tick(1.0)
    playing.said.clear()
    assert {revision: pair(stat) for revision, stat in playing.told.tell_all().items()} == {
        IRIS: (3, 0)
    }
    playing.tick(2.0)
    playing.tick(3.0)
    assert playing.said == [(0, 0), (3, 0)]


def test_a_connection_made_again_within_a_period_is_told_the_difference_alone() -> None:
    playing = Script()
    playing.arrive(0.0, count=3)
    assert pair(playing.told.tell_all()[IRIS]) == (2, 2)  # one was told when it woke the revision
    assert pair(playing.told.tell_all()[IRIS]) == (0, 0)
    playing.tick(1.0)
    assert playing.said == [(1, 1), (0, 0)]


def test_another_autoscaler_is_told_all() -> None:
    playing = Script()
    playing.arrive(0.0, count=3)
    playing.tell_early()
    assert pair(Told(playing.ledger, "activator-1").tell_all()[IRIS]) == (3, 3)


def test_held_requests_are_told_whenever_they_have_doubled() -> None:
    playing = Script()
    for _ in range(20):
        playing.arrive(0.0)
        playing.wait()
    assert playing.said == [(1, 1), (1, 1), (2, 2), (4, 4), (8, 8)]
    playing.tick(1.0)
    assert playing.said[-1] == (4, 4)  # of 20, 16 were told
    playing.arrive(1.1)
    playing.wait()
    assert playing.said[-1] == (4, 4)  # 21 are not twice 20
    playing.tick(2.0)
    assert playing.said[-1] == pytest.approx((20.9, 1))


def test_load_that_was_told_is_told_anew_when_the_pods_are_gone() -> None:
    playing = Script()
    playing.arrive(0.0)
    playing.ledger.request_left(IRIS, 0.5)
    playing.arrive(0.6)
    playing.said.append(pair(playing.told.tell_early(IRIS, anew=True)))
    playing.tick(1.0)
    playing.tick(2.0)
    assert playing.said == [(1, 1), (1, 1), (0, 0), (1, 0)]


def test_revisions_are_counted_apart() -> None:
    ledger = LoadLedger()
    other = RevisionId("default", "other")
    ledger.request_arrived(IRIS, 0.0)
    ledger.request_arrived(other, 0.0)
    assert (ledger.concurrency(IRIS), ledger.concurrency(other)) == (1, 1)
    assert ledger.total_concurrency == 2


def test_what_is_told_early_has_the_number_of_the_report_that_it_is_taken_off() -> None:
    ledger = LoadLedger()
    told = Told(ledger, "activator-1")
    ledger.request_arrived(IRIS, 0.5)
    stats = [told.tell_early(IRIS), told.tell_all()[IRIS]]
    for now in (1.0, 2.0):
        number = ledger.period_number
        stats.append(told.report(ledger.end_period(now), number)[IRIS])
    assert [stat.timestamp_s for stat in stats] == [1, 1, 1, 2]
