"""What drives a proxy: wrk for requests, connections of our own for events."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from loadtest.bench.connection import HOST
from loadtest.bench.core.seen import Seen
from loadtest.bench.core.wrk_script import parse_wrk_output, wrk_script
from loadtest.bench.events import receive_events
from loadtest.bench.tool import find, output_of

WRK_INSTALL: Final = "apt-get install wrk"


class Load(Protocol):
    """Something to do to a proxy for a while."""

    async def drive(self, port: int, seconds: float, folder: Path) -> Seen:
        """Do it; return what came back. The folder is for files that it takes."""


@dataclass(frozen=True, slots=True)
class WrkLoad:
    """Requests as fast as they are answered, one in flight on each connection."""

    connections: int
    path: str = "/"
    body: str = ""
    """JSON to POST. Empty: GET."""

    each_has_identifier: bool = False
    """Whether no two requests have the same head."""

    async def drive(self, port: int, seconds: float, folder: Path) -> Seen:
        """Run wrk. Raises WrkOutputError when it fails."""
        script = folder / "load.lua"
        script.write_text(
            wrk_script(self.body, each_has_identifier=self.each_has_identifier), encoding="utf-8"
        )
        options = ("-t1", f"-c{self.connections}", f"-d{seconds:g}s", "--timeout", "10s")
        url = f"http://{HOST}:{port}{self.path}"
        output = await output_of(find("wrk", WRK_INSTALL), *options, "-s", str(script), url)
        return parse_wrk_output(output)


@dataclass(frozen=True, slots=True)
class EventLoad:
    """Answers that stay open and bring events."""

    connections: int

    async def drive(self, port: int, seconds: float, folder: Path) -> Seen:
        """Receive for so long."""
        del folder
        return await receive_events(port, self.connections, seconds)
