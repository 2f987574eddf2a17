"""The least that a proxy on uvloop and httptools can do; the program is `floor_proxy.py`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from loadtest.bench.core.names import FLOOR
from loadtest.bench.peers.peer import Launch, Seat

_MODULE: Final = "loadtest.bench.peers.floor_proxy"


class FloorPeer:
    """What our proxy could not go below, if it did nothing at all."""

    name = FLOOR
    description = (
        "no proxy to use, but the floor of ours: bytes passed on by uvloop, with httptools looking "
        "for the ends of messages; no rule, no limit, no count, no back-pressure"
    )

    async def prepare(self, folder: Path) -> Mapping[str, str]:
        """Return no versions: they are those of the sidecar."""
        del folder
        return {}

    def launch(self, seat: Seat) -> Launch:
        """Return how the program is started."""
        return Launch((sys.executable, "-m", _MODULE, str(seat.port), str(seat.upstream_port)))
