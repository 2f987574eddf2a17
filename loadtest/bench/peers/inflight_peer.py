"""Our sidecar, with and without a limit of requests at once."""

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from loadtest.bench.connection import HOST
from loadtest.bench.core.names import OURS, OURS_LIMITED
from loadtest.bench.peers.peer import Launch, Seat

_QUEUE_DEPTH: Final = 1000


@dataclass(frozen=True, slots=True)
class InflightPeer:
    """`python -m queueproxy` with everything on that is on by default."""

    limited: bool

    @property
    def name(self) -> str:
        """`inflight`, or `inflight-limited`."""
        return OURS_LIMITED if self.limited else OURS

    @property
    def description(self) -> str:
        """Which container concurrency it has."""
        if not self.limited:
            return "the sidecar, `CONTAINER_CONCURRENCY=0`, everything on that is on by default"
        return (
            "the same with `CONTAINER_CONCURRENCY=10` "
            f"and room for {_QUEUE_DEPTH} waiting requests (events: 200 at once)"
        )

    async def prepare(self, folder: Path) -> Mapping[str, str]:
        """Return the versions of what the sidecar runs on."""
        del folder
        parts = {name: version(name) for name in ("inflight", "uvloop", "httptools")}
        return {**parts, "Python": platform.python_version()}

    def launch(self, seat: Seat) -> Launch:
        """Return how the sidecar is started. It ends at once when it is told to."""
        environ = {
            "CONTAINER_CONCURRENCY": str(seat.limit if self.limited else 0),
            "INFLIGHT_QUEUE_DEPTH": str(_QUEUE_DEPTH if self.limited else 0),
            "QUEUE_SERVING_PORT": str(seat.port),
            "USER_PORT": str(seat.upstream_port),
            "REVISION_TIMEOUT_SECONDS": "300",
            "SERVING_NAMESPACE": "bench",
            "SERVING_REVISION": "bench",
            "SERVING_POD": "bench",
            "INFLIGHT_LISTEN_HOST": HOST,
            "INFLIGHT_ADMIN_PORT": "0",
            "INFLIGHT_STATS_PORT": "0",
            "INFLIGHT_METRICS_PORT": "0",
            "INFLIGHT_DRAIN_QUIET_SECONDS": "0",
        }
        return Launch((sys.executable, "-m", "queueproxy"), environ)
