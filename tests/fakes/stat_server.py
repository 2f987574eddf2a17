"""A pod's sidecar as the scraper sees it: `GET /metrics` on a loopback port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from servingkit.core.revision import Address
from servingkit.core.stat import Stat, encode_stat
from tests.fakes.web_server import web_server


class StatServer:
    """Serves one stat, which a test may exchange."""

    def __init__(self, stat: Stat) -> None:
        self.stat = stat
        self.status = 200
        self.padding = b""
        self.asked = 0
        self.address = Address("127.0.0.1", 0)

    async def serve(self, _: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(
            body=encode_stat(self.stat) + self.padding,
            status=self.status,
            content_type="application/protobuf",
        )


@asynccontextmanager
async def stat_server(
    pod_name: str, concurrency: float = 0.0, requests: float = 0.0
) -> AsyncIterator[StatServer]:
    server = StatServer(
        Stat(
            pod_name=pod_name,
            average_concurrent_requests=concurrency,
            request_count=requests,
        )
    )
    application = web.Application()
    application.router.add_get("/metrics", server.serve)
    async with web_server(application) as server.address:
        yield server
