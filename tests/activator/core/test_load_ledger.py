"""What is told of the load, as Knative's activator tells it."""

import pytest

from activator.core.load_ledger import LoadLedger
from servingkit.core.revision import RevisionId
from servingkit.core.stat import Stat

IRIS = RevisionId("default", "iris")
Told = list[tuple[float, float]]


def told(stat: Stat | None) -> Told:
    if stat is None:
        return []
    assert stat.pod_name == "activator-1"
    return [(stat.average_concurrent_requests, stat.request_count)]


def script(*events: tuple[float, str]) -> Told:
    """Replay `in`, `out` and `tick` at their times; return (concurrency, count) as told."""
    ledger = LoadLedger("activator-1")
    said: Told = []
    for at, event in events:
        match event:
            case "in":
                said += told(ledger.request_arrived(IRIS, at))
            case "out":
                ledger.request_left(IRIS, at)
            case _:
                said += told(ledger.report(at).get(IRIS))
    return said


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
def test_the_sequences_of_knative(events: list[tuple[float, str]], expected: Told) -> None:
    assert script(*events) == expected


def test_an_idle_revision_is_reported_once_and_dropped() -> None:
    assert script((0, "in"), (0.5, "out"), (1, "tick"), (2, "tick"), (3, "tick")) == [
        (1, 1),
        (0, 0),
        (0, 0),
    ]


def test_a_request_that_arrived_with_the_tick_is_not_forgotten() -> None:
    ledger = LoadLedger("activator-1")
    ledger.request_arrived(IRIS, 1.0)
    ledger.report(1.0)
    assert ledger.concurrency(IRIS) == 1
    ledger.request_left(IRIS, 1.5)
    assert ledger.concurrency(IRIS) == 0


def test_a_snapshot_tells_what_is_in_flight_and_counts_once() -> None:
    ledger = LoadLedger("activator-1")
    for _ in range(3):
        ledger.request_arrived(IRIS, 0.0)
    ledger.report(1.0)
    assert told(ledger.snapshot()[IRIS]) == [(3, 0)]
    assert told(ledger.report(2.0)[IRIS]) == [(0, 0)]
    assert told(ledger.report(3.0)[IRIS]) == [(3, 0)]


def test_revisions_are_counted_apart() -> None:
    ledger = LoadLedger("activator-1")
    other = RevisionId("default", "other")
    ledger.request_arrived(IRIS, 0.0)
    ledger.request_arrived(other, 0.0)
    assert (ledger.concurrency(IRIS), ledger.concurrency(other)) == (1, 1)
    assert ledger.total_concurrency == 2


def test_what_is_told_early_has_the_number_of_the_report_that_it_is_taken_off() -> None:
    ledger = LoadLedger("activator-1")
    early = ledger.request_arrived(IRIS, 0.5)
    assert early is not None
    snapshot, first, second = ledger.snapshot(), ledger.report(1.0), ledger.report(2.0)
    numbers = [early.timestamp_s, *(told[IRIS].timestamp_s for told in (snapshot, first, second))]
    assert numbers == [1, 1, 1, 2]
