"""What `inflight local` writes to standard output when no person watches: lines.

The live table for people is in `inflight.local.table`.
"""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Protocol, TextIO

from autoscaler.status import RevisionStatus
from inflight.local.event import Event
from servingkit.core.revision import RevisionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Where everything can be reached."""

    api: str
    """Address of the control API."""

    urls: dict[RevisionId, str]
    """Public address of each revision."""

    gateway: str | None = None
    """Public address for all names and routes. None: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How one revision stands."""

    status: RevisionStatus
    held_requests: int
    """Requests that the activator holds until a pod has room."""

    url: str


class Output(AbstractContextManager["Output"], Protocol):
    """Shows a run to whoever looks at standard output. `at_s` counts from the start."""

    def show_start(self, started: Started) -> None:
        """All ports listen."""
        ...

    def show_event(self, event: Event, at_s: float) -> None:
        """Something happened."""
        ...

    def show_tick(self, rows: Sequence[Row], at_s: float) -> None:
        """A second has passed."""
        ...


class _LineOutput(Output):
    """Writes whole lines to a stream that is somebody else's to close."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the stream open."""

    def _write(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class JsonOutput(_LineOutput):
    """One JSON object a line, for machines."""

    def show_start(self, started: Started) -> None:
        """Write the event `started` with the addresses."""
        revisions = [
            {"namespace": revision.namespace, "name": revision.name, "url": url}
            for revision, url in started.urls.items()
        ]
        line: dict[str, object] = {"event": "started", "api": started.api, "revisions": revisions}
        if started.gateway is not None:
            line["gateway"] = started.gateway
        self._write_json(line)

    def show_event(self, event: Event, at_s: float) -> None:
        """Write the event with its facts."""
        line: dict[str, object] = {
            "event": event.name,
            "at_s": round(at_s, 3),
        }
        if event.revision is not None:
            line |= {"namespace": event.revision.namespace, "revision": event.revision.name}
        line |= event.facts
        if event.last_lines:
            line["last_lines"] = event.last_lines
        self._write_json(line)

    def show_tick(self, rows: Sequence[Row], at_s: float) -> None:
        """Write all revisions as the control API shows them."""
        revisions = [
            {**asdict(row.status), "held_requests": row.held_requests, "url": row.url}
            for row in rows
        ]
        self._write_json({"event": "tick", "at_s": round(at_s, 3), "revisions": revisions})

    def _write_json(self, line: dict[str, object]) -> None:
        self._write(json.dumps(line))


class PlainOutput(_LineOutput):
    """A sentence for each event, for a file or a pipe that a person reads later."""

    def show_start(self, started: Started) -> None:
        """Write the addresses."""
        for revision, url in started.urls.items():
            self._write_sentence(0.0, f"{revision} listens on {url}")
        if started.gateway is not None:
            self._write_sentence(0.0, f"all names and routes are served on {started.gateway}")
        self._write_sentence(0.0, f"control API on {started.api}")

    def show_event(self, event: Event, at_s: float) -> None:
        """Write the sentence, and the last output of a lost process under it."""
        self._write_sentence(at_s, event.sentence)
        for line in event.last_lines:
            self._write(f"          | {line}")

    def show_tick(self, rows: Sequence[Row], at_s: float) -> None:
        """Write nothing: events alone tell what changed."""

    def _write_sentence(self, at_s: float, sentence: str) -> None:
        self._write(f"{at_s:8.1f}s {sentence}")
