"""The live table in the terminal, for people."""

from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from inflight.local.event import Event
from inflight.local.output import Output, Row, Started
from inflight.revision_table import Line, revisions_table

_EVENTS_SHOWN = 8


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

    def _headline(self) -> str:
        gateway = self._started.gateway
        routes = f"routes {gateway}    " if gateway is not None else ""
        return f"{routes}control API {self._started.api}    Ctrl-C ends all"

    def _draw(self) -> None:
        parts: tuple[RenderableType, ...] = (
            Text(self._headline(), style="dim"),
            revisions_table([_line(row) for row in self._rows]),
            *(Text(f"{row.status.name}: {row.status.reason}") for row in self._rows),
            *(Text(sentence, style="dim") for sentence in self._events),
        )
        self._live.update(Group(*parts), refresh=True)


def _line(row: Row) -> Line:
    name = Text.assemble((row.status.name, "bold"), f"\n{row.url}")
    return Line(name=name, status=row.status, held_requests=row.held_requests)
