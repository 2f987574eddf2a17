import pytest

from inflight.status.core.event_reader import EventReader, Message


def read(*lines: str) -> list[Message]:
    reader = EventReader()
    return [message for line in lines if (message := reader.read(line)) is not None]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["data: x", ""], [Message("message", "x", "")], id="data alone"),
        pytest.param(["event: gap", "data:{}", ""], [Message("gap", "{}", "")], id="no space"),
        pytest.param(["data: a", "data: b", ""], [Message("message", "a\nb", "")], id="two lines"),
        pytest.param([": still here", "", "retry: 5", ""], [], id="nothing to tell"),
        pytest.param(["event: gap", "", "data: x", ""], [Message("message", "x", "")], id="reset"),
        pytest.param(
            ["id: a-1", "data: x", "", "data: y", ""],
            [Message("message", "x", "a-1"), Message("message", "y", "a-1")],
            id="an id holds until the next",
        ),
    ],
)
def test_lines_become_events(lines: list[str], expected: list[Message]) -> None:
    assert read(*lines) == expected


def test_it_says_where_it_is() -> None:
    reader = EventReader()
    reader.read("event: gap")
    assert repr(reader) == "<EventReader in gap, last id none>"
