"""The live table in the terminal, for people."""

from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from inflight.local.event import Event
from inflight.local.output import Output, Row, Started

_EVENTS_SHOWN = 8
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


class TableOutput(Output):
    """Redraws one table at the bottom of the terminal each second and at each event."""

    def __init__(self, console: Console) -> None:
        # No refresh by a thread: everything here happens on the event loop.
        self._live = Live(console=console, auto_refresh=False, transient=False)
        self._started = Started(api="", urls={})
        self._rows: Sequence[Row] = ()
        self._events: deque[str] = deque(maxlen=_EVENTS_SHOWN)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, traceback)

    def show_start(self, started: Started) -> None:
        """Show the addresses above the table."""
        self._started = started
        self._draw()

    def show_event(self, event: Event, at_s: float) -> None:
        """Add the event below the table; the last output of a lost process scrolls by above."""
        self._events.append(f"{at_s:8.1f}s  {event.sentence}")
        for line in event.last_lines:
            self._live.console.print(Text(f"{event.facts.get('pod', '')} | {line}", style="red"))
        self._draw()

    def show_tick(self, rows: Sequence[Row], at_s: float) -> None:
        """Show how all revisions stand."""
        del at_s
        self._rows = rows
        self._draw()

    def _draw(self) -> None:
        parts: tuple[RenderableType, ...] = (
            Text(f"control API {self._started.api}    Ctrl-C ends all", style="dim"),
            revisions_table(self._rows),
            *(Text(f"{row.status.name}: {row.status.reason}") for row in self._rows),
            *(Text(sentence, style="dim") for sentence in self._events),
        )
        self._live.update(Group(*parts), refresh=True)


def revisions_table(rows: Sequence[Row]) -> Table:
    """Return the table of all revisions."""
    table = Table()
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column in {"revision", "state"} else "right")
    for row in rows:
        status = row.status
        panicking = Text("panic", style="bold red") if status.panicking else Text("stable")
        table.add_row(
            Text.assemble((status.name, "bold"), f"\n{row.url}"),
            _number(status.concurrency),
            str(row.held_requests),
            _number(status.requests_per_second),
            "?" if status.desired_pods is None else str(status.desired_pods),
            str(status.ready_pods),
            str(status.starting_pods),
            str(status.terminating_pods),
            panicking,
        )
    return table


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.1f}"
