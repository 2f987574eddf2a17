"""Tells the autoscaler of the load: a frame each second, and at once when an idle revision wakes.

Frames are Knative's `WireStatMessages` over a websocket. They go out each second even when there
is nothing to say, so that the autoscaler can tell an idle activator from one that it cannot hear.
While the autoscaler is away frames are dropped, and requests are served and held as ever; on a new
connection the present load is told first.
"""

import asyncio
import logging
import random
from collections.abc import Mapping
from typing import Final

import aiohttp

from activator.core.load_ledger import LoadLedger
from servingkit.clock import monotonic
from servingkit.core.revision import RevisionId
from servingkit.core.stat import Stat
from servingkit.stat_wire import WireStat, encode_wire_stats

_log = logging.getLogger(__name__)

REPORT_PERIOD_S: Final = 1.0
_CONNECT_TIMEOUT_S: Final = 3.0
_CLOSE_TIMEOUT_S: Final = 1.0
_HEARTBEAT_S: Final = 5.0
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 1.0
_PAUSE_GROWTH: Final = 1.3
_PAUSE_JITTER_RATIO: Final = 0.5


class StatReporter:
    """Counts requests by revision, and keeps a connection to the autoscaler."""

    def __init__(self, url: str, name: str) -> None:
        """Report to the websocket at `url`, signed with `name`."""
        self._url = url
        self._name = name
        self._ledger = LoadLedger(name)
        self._frames: asyncio.Queue[bytes] | None = None
        self.connection_errors = 0

    def __repr__(self) -> str:
        state = "connected" if self.connected else "not connected"
        return f"<StatReporter {state} to {self._url}, {self._ledger!r}>"

    @property
    def connected(self) -> bool:
        """Whether the autoscaler hears us."""
        return self._frames is not None

    @property
    def total_concurrency(self) -> int:
        """How many requests are in flight, held ones included."""
        return self._ledger.total_concurrency

    def concurrency(self, revision: RevisionId) -> int:
        """Return how many requests of a revision are in flight, held ones included."""
        return self._ledger.concurrency(revision)

    def request_arrived(self, revision: RevisionId, now: float) -> None:
        """Count a request in; the first one of an idle revision is told at once."""
        stat = self._ledger.request_arrived(revision, now)
        if stat is not None:
            self._push({revision: stat})

    def request_left(self, revision: RevisionId, now: float) -> None:
        """Count a request out."""
        self._ledger.request_left(revision, now)

    async def run(self) -> None:
        """Report until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._report_each_second())
            tasks.create_task(self._keep_connected())

    def _push(self, stats: Mapping[RevisionId, Stat]) -> None:
        if self._frames is not None:
            self._frames.put_nowait(_frame(stats))

    async def _report_each_second(self) -> None:
        due_at = monotonic()
        while True:
            due_at = max(due_at + REPORT_PERIOD_S, monotonic())
            await asyncio.sleep(due_at - monotonic())
            self._push(self._ledger.report(monotonic()))

    async def _keep_connected(self) -> None:
        pause_s = _FIRST_PAUSE_S
        async with aiohttp.ClientSession() as session:
            while True:
                socket = await self._connect(session)
                if socket is not None:
                    pause_s = _FIRST_PAUSE_S
                    await self._talk(socket)
                jitter_ratio = random.uniform(0.0, _PAUSE_JITTER_RATIO)  # noqa: S311 -- no secret
                await asyncio.sleep(pause_s * (1.0 + jitter_ratio))
                pause_s = min(pause_s * _PAUSE_GROWTH, _LONGEST_PAUSE_S)

    async def _connect(
        self, session: aiohttp.ClientSession
    ) -> aiohttp.ClientWebSocketResponse | None:
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                return await session.ws_connect(
                    self._url,
                    params={"activator": self._name},
                    heartbeat=_HEARTBEAT_S,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_TIMEOUT_S),
                )
        except (aiohttp.ClientError, OSError) as error:  # a TimeoutError is an OSError
            self.connection_errors += 1
            _log.debug("autoscaler unreachable", extra={"url": self._url, "reason": str(error)})
            return None

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Send frames until the connection ends."""
        _log.info("autoscaler connected", extra={"url": self._url})
        frames = self._frames = asyncio.Queue()
        frames.put_nowait(_frame(self._ledger.snapshot()))
        try:
            async with socket, asyncio.TaskGroup() as tasks:
                writing = tasks.create_task(_write(socket, frames))
                async for _ in socket:
                    pass  # nothing is expected; this answers pings and notices the end
                writing.cancel()
        finally:
            self._frames = None
        self.connection_errors += 1
        _log.warning("autoscaler lost", extra={"url": self._url, "code": socket.close_code})


async def _write(socket: aiohttp.ClientWebSocketResponse, frames: asyncio.Queue[bytes]) -> None:
    while True:
        frame = await frames.get()
        try:
            await socket.send_bytes(frame)
        except (aiohttp.ClientError, ConnectionError):
            return  # the reader sees the end as well, and ends the talk


def _frame(stats: Mapping[RevisionId, Stat]) -> bytes:
    return encode_wire_stats(WireStat(revision, stat) for revision, stat in stats.items())
