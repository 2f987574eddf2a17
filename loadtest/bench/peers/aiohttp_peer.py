"""aiohttp as a proxy; the program is `aiohttp_proxy.py`."""

import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from loadtest.bench.core.names import AIOHTTP
from loadtest.bench.peers.peer import Launch, Seat

_MODULE: Final = "loadtest.bench.peers.aiohttp_proxy"


class AiohttpPeer:
    """What Python gives without an engine of one's own."""

    name = AIOHTTP
    description = "a plain streaming proxy of aiohttp's server and client, on uvloop"

    async def prepare(self, folder: Path) -> Mapping[str, str]:
        """Return aiohttp's version."""
        del folder
        return {"aiohttp": version("aiohttp")}

    def launch(self, seat: Seat) -> Launch:
        """Return how the program is started."""
        return Launch((sys.executable, "-m", _MODULE, str(seat.port), str(seat.upstream_port)))
