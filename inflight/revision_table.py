"""Revisions as a table in the terminal: for `inflight local` and `inflight status`."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from autoscaler.status import RevisionStatus

_COLUMNS = (
    *("revision", "in\nflight", "held", "requests\na second", "desired"),
    *("ready", "start-\ning", "end-\ning", "state"),
)
_MOST_NAME_WIDTH = 22
"""A local address fits, and all columns into 80. Longer names go on in the next line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One revision."""

    name: Text
    status: RevisionStatus
    held_requests: int | None = None
    """Requests that activators hold. None: not known here."""


def revisions_table(lines: Sequence[Line]) -> Table:
    """Return the table of all revisions; the column of held requests only where they are known."""
    knows_held = any(line.held_requests is not None for line in lines)
    table = Table(box=SIMPLE_HEAD, padding=0)
    longest = max((len(part) for line in lines for part in line.name.plain.split("\n")), default=0)
    for column in _COLUMNS:
        if column == "revision":
            table.add_column(column, overflow="fold", min_width=min(longest, _MOST_NAME_WIDTH))
        elif column != "held" or knows_held:
            table.add_column(column, justify="left" if column == "state" else "right")
    for line in lines:
        status = line.status
        held = [str(line.held_requests)] if knows_held else []
        table.add_row(
            line.name,
            number(status.concurrency),
            *held,
            number(status.requests_per_second),
            "?" if status.desired_pods is None else str(status.desired_pods),
            str(status.ready_pods),
            str(status.starting_pods),
            str(status.terminating_pods),
            state(status),
        )
    return table


def state(status: RevisionStatus) -> Text:
    """Return `panic` or `stable`."""
    return Text("panic", style="bold red") if status.panicking else Text("stable")


def number(value: float | None) -> str:
    """Return a number with one decimal; what is not known is a question mark."""
    return "?" if value is None else f"{value:.1f}"
