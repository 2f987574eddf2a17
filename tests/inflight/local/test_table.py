import io
from dataclasses import replace

import pytest
from rich.console import Console
from rich.text import Text

from inflight.local.event import Event
from inflight.local.output import Started
from inflight.local.table import TableOutput
from inflight.revision_table import Line, revisions_table
from tests.inflight.local.rows import IRIS, row


def console() -> Console:
    return Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)


def text_of(target: Console) -> str:
    assert isinstance(target.file, io.StringIO)
    return target.file.getvalue()


def test_rows_show_load_pods_panic_and_where_to_ask() -> None:
    target = console()
    with TableOutput(target) as output:
        output.show_tick([row(ready_pods=2, held_requests=9, panicking=True)], 1.0)
    shown = text_of(target)
    line = next(line for line in shown.splitlines() if line.startswith(" iris "))
    assert line.split() == ["iris", "4.0", "9", "12.0", "3", "2", "1", "0", "panic"]
    assert "http://127.0.0.1:8000" in shown


def test_reason_events_and_last_words_are_shown() -> None:
    target = console()
    with TableOutput(target) as output:
        output.show_start(Started(api="http://127.0.0.1:8081", urls={IRIS: "http://x"}))
        output.show_tick([row()], 1.0)
        lost = Event(
            name="pod failed",
            revision=IRIS,
            sentence="pod iris-00001 lost its model",
            facts={"pod": "iris-00001"},
            last_lines=("no weights",),
        )
        output.show_event(lost, 1.5)
    shown = text_of(target)
    assert "control API http://127.0.0.1:8081" in shown
    assert "iris: 3 pods: 4 in flight" in shown
    assert "1.5s  pod iris-00001 lost its model" in shown
    assert "iris-00001 | no weights" in shown


@pytest.mark.parametrize("name", ["iris", "-".join(["long"] * 13)])
def test_all_columns_fit_into_eighty(name: str) -> None:
    target = Console(file=io.StringIO(), width=80)
    it = row(held_requests=120, panicking=True)
    status = replace(it.status, name=name, concurrency=120.5)
    target.print(revisions_table([Line(name=Text(name), status=status, held_requests=120)]))
    lines = text_of(target).splitlines()
    first = next(line for line in lines if "120.5" in line)
    assert first.split()[1:] == ["120.5", "120", "12.0", "3", "1", "1", "0", "panic"]
    below = lines[lines.index(first) :]
    assert "".join(line.split()[0] for line in below if line.strip()) == name
