import io
from collections.abc import Callable, Iterator

import pytest

from loadtest.core.timeline import PodsSample
from loadtest.narrator import Narrator, count

MakeSample = Callable[..., PodsSample]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def ticking() -> Callable[[], float]:
    seconds: Iterator[float] = iter(range(1000))
    return lambda: next(seconds)


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 pods"), (1, "1 pod"), (2, "2 pods"), (1234, "1,234 pods")]
)
def test_count_knows_the_plural(number: int, words: str) -> None:
    assert count(number, "pod") == words


def test_sentences_stand_behind_the_seconds_since_the_start() -> None:
    stream = io.StringIO()
    Narrator(stream, ticking()).tell("it begins")
    assert stream.getvalue() == "   1.0 s  it begins\n"


def test_changes_of_ready_pods_are_told_once_and_with_the_reason(sample: MakeSample) -> None:
    stream = io.StringIO()
    narrator = Narrator(stream, ticking())
    for ready in (0, 1, 1, 0):
        narrator.see(sample(0, ready=ready, desired=ready))
    assert [line[10:] for line in stream.getvalue().splitlines()] == [
        "1 pod ready  (1 pods: a reason)",
        "0 pods ready  (0 pods: a reason)",
    ]


def test_terminal_gets_a_live_line_that_sentences_replace(sample: MakeSample) -> None:
    stream = Terminal()
    narrator = Narrator(stream, ticking())
    narrator.doing = "load"
    narrator.see(sample(0, desired=None, starting=1))
    narrator.tell("done")
    live = "load · 3.5 in flight · pods: 0 ready, 1 starting, ? wanted"
    assert stream.getvalue() == (
        f"\r\x1b[2K   1.0 s  {live}\r\x1b[2K   2.0 s  done\n"
    )  # fmt: skip
