import pytest

from autoscaler.core.event_ring import Event, EventRing
from tests.autoscaler.tracked import IRIS


def ring(size: int, events: int) -> EventRing:
    made = EventRing(size)
    for number in range(1, events + 1):
        event = Event(number=number, at_s=0.0, name="scale changed", revision=IRIS, reason="")
        made.append(event)
    return made


@pytest.mark.parametrize(
    ("events", "after", "missed", "numbers"),
    [
        pytest.param(0, 0, 0, [], id="nothing happened"),
        pytest.param(2, 0, 0, [1, 2], id="from the beginning"),
        pytest.param(3, 2, 0, [3], id="the newest"),
        pytest.param(3, 3, 0, [], id="all seen"),
        pytest.param(10, 6, 0, [7, 8, 9, 10], id="just all that is kept"),
        pytest.param(10, 3, 3, [7, 8, 9, 10], id="away for too long"),
        pytest.param(3, 9, 0, [], id="a number that does not exist yet"),
    ],
)
def test_a_reader_gets_what_it_has_not_seen(
    events: int, after: int, missed: int, numbers: list[int]
) -> None:
    news = ring(4, events).after(after)
    assert (news.missed, [event.number for event in news.events]) == (missed, numbers)


def test_it_says_how_much_it_holds() -> None:
    assert repr(ring(4, 10)) == "<EventRing 4 of 10 events>"
