"""Stats over websockets: our receiver, or another server that does the least one could do.

python -m loadtest.bench_autoscaler.subjects.receiving inflight|websockets|aiohttp REVISIONS
"""

import gc
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvloop
import websockets
from aiohttp import WSMsgType, web

from autoscaler.core.defaults import Defaults
from autoscaler.core.settings import parse_annotations
from autoscaler.multiscaler import Multiscaler
from autoscaler.stat_receiver import StatReceiver
from autoscaler.tracked_revision import TrackedRevision
from loadtest.bench_autoscaler.subjects.reporting import answer_questions
from loadtest.bench_autoscaler.synthetic_cluster import SyntheticCluster
from servingkit.core.revision import RevisionId
from servingkit.core.stat import Stat
from servingkit.stat_wire import decode_wire_stats


class Count:
    """Stats taken so far."""

    def __init__(self) -> None:
        self.stats = 0
        self.sum = 0.0

    def take(self, frame: bytes) -> None:
        """Decode a frame and touch each number that a decision needs, and do nothing with it."""
        for _, stat in decode_wire_stats(frame):
            self.stats += 1
            self.sum += stat.average_concurrent_requests + stat.request_count


@asynccontextmanager
async def inflight(count: Count, revisions: int) -> AsyncIterator[int]:
    """Receive into the windows of that many revisions."""
    cluster = SyntheticCluster(revisions, 1, 0)
    multiscaler = Multiscaler(cluster.seams(), Defaults(), {}, cluster.ask_public_address)
    for revision in cluster.revisions().values():
        settings = parse_annotations(revision.annotations, Defaults())
        tracked = TrackedRevision(revision, settings, multiscaler.journal)
        tracked.asked_pods = 1
        multiscaler.tracked[revision.id] = tracked

    def take(revision: RevisionId, stat: Stat, second: int) -> None:
        count.stats += 1
        multiscaler.receive(revision, stat, second)

    async with serving(StatReceiver({}, take).application()) as port:
        yield port


@asynccontextmanager
async def aiohttp_server(count: Count, _: int) -> AsyncIterator[int]:
    """Receive with aiohttp, decode, and forget."""

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                count.take(message.data)
        return socket

    application = web.Application()
    application.router.add_get("/", serve)
    async with serving(application) as port:
        yield port


@asynccontextmanager
async def serving(application: web.Application) -> AsyncIterator[int]:
    """Serve on a free port."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@asynccontextmanager
async def websockets_server(count: Count, _: int) -> AsyncIterator[int]:
    """Receive with the library `websockets`, decode, and forget."""

    async def serve(connection: websockets.ServerConnection) -> None:
        async for frame in connection:
            if isinstance(frame, bytes):
                count.take(frame)

    async with websockets.serve(serve, "127.0.0.1", 0, max_size=None, compression=None) as server:
        port: int = next(iter(server.sockets)).getsockname()[1]
        yield port


SERVERS = {"inflight": inflight, "aiohttp": aiohttp_server, "websockets": websockets_server}


async def main(server: str, revisions: int) -> None:
    """Run until standard input ends."""
    logging.disable(logging.WARNING)
    count = Count()
    async with SERVERS[server](count, revisions) as port:
        gc.collect()
        await answer_questions(lambda: {"stats": count.stats}, port=port)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
