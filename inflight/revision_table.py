"""Revisions as a table in the terminal: for `inflight local` and `inflight status`."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from autoscaler.status import RevisionStatus

_COLUMNS = (
    "revision",
    "in flight",
    "held",
    "requests/s",
    "desired",
    "ready",
    "starting",
    "ending",
    "state",
)
_MOST_NAME_WIDTH = 40


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
    table = Table()
    longest = max((len(part) for line in lines for part in line.name.plain.split("\n")), default=0)
    for column in _COLUMNS:
        if column == "revision":
            # Where there is little room the headings give way, not the names.
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
