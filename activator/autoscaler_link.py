"""A connection to one autoscaler: a websocket that is made again whenever it is lost.

Frames are Knative's `WireStatMessages`. While the autoscaler is away frames are dropped, and
requests are served and held as ever; on a new connection the present load is told first, less what
this autoscaler was told in the same second already.
"""

import asyncio
import logging
import random
from collections.abc import Mapping
from typing import Final

import aiohttp

from activator.core.load_ledger import LoadLedger, Told
from servingkit.core.request_stats import RequestStatsReport
from servingkit.core.revision import RevisionId
from servingkit.core.stat import Stat
from servingkit.stat_wire import WireStat, encode_wire_stats

_log = logging.getLogger(__name__)

_CONNECT_TIMEOUT_S: Final = 3.0
_CLOSE_TIMEOUT_S: Final = 1.0
_HEARTBEAT_S: Final = 5.0
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 1.0
_PAUSE_GROWTH: Final = 1.3
_PAUSE_JITTER_RATIO: Final = 0.5


class AutoscalerLink:
    """Tells one autoscaler of the load, signed with `name`."""

    def __init__(self, url: str, name: str, ledger: LoadLedger) -> None:
        self._url = url
        self._name = name
        self._told = Told(ledger, name)
        self._frames: asyncio.Queue[bytes] | None = None
        self.connection_errors = 0

    def __repr__(self) -> str:
        state = "connected" if self.connected else "not connected"
        return f"<AutoscalerLink {state} to {self._url}>"

    @property
    def connected(self) -> bool:
        """Whether the autoscaler hears us."""
        return self._frames is not None

    def tell_early(self, revision: RevisionId, *, anew: bool = False) -> None:
        """Tell at once what has not been told of a revision's load in this period; or all of it."""
        if self._frames is not None:
            self._push({revision: self._told.tell_early(revision, anew=anew)})

    def tell_period(self, periods: Mapping[RevisionId, RequestStatsReport], number: int) -> None:
        """Tell what period `number` brought, which ended; an idle one is told as well."""
        self._push(self._told.report(periods, number))

    async def run(self) -> None:
        """Keep connected until cancelled."""
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

    def _push(self, stats: Mapping[RevisionId, Stat]) -> None:
        if self._frames is not None:
            self._frames.put_nowait(_frame(stats))

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
        self._push(self._told.tell_all())
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
