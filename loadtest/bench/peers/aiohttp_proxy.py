"""A plain proxy of aiohttp's server and client, on uvloop: a program of its own.

It streams both ways and removes what is meant for one hop; it neither limits, queues nor counts.
"""

import argparse
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
import uvloop
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from loadtest.bench.connection import HOST

_HOP_BY_HOP: Final = ("Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade", "TE", "Trailer")
_SESSION: Final = web.AppKey("session", aiohttp.ClientSession)
_UPSTREAM: Final = web.AppKey("upstream", str)


def _to_pass_on(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    passed = headers.copy()
    for name in _HOP_BY_HOP:
        passed.popall(name, None)
    return passed


async def forward(request: web.Request) -> web.StreamResponse:
    """Send one request to the upstream and its answer back, both as they come."""
    async with request.app[_SESSION].request(
        request.method,
        request.app[_UPSTREAM] + request.raw_path,
        headers=_to_pass_on(request.headers),
        data=request.content if request.can_read_body else None,
        allow_redirects=False,
    ) as upstream:
        answer = web.StreamResponse(status=upstream.status, headers=_to_pass_on(upstream.headers))
        await answer.prepare(request)
        async for chunk in upstream.content.iter_any():
            await answer.write(chunk)
        await answer.write_eof()
        return answer


async def _session(app: web.Application) -> AsyncIterator[None]:
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, auto_decompress=False
    ) as session:
        app[_SESSION] = session
        yield


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("upstream_port", type=int)
    options = parser.parse_args()
    app = web.Application(client_max_size=0)
    app[_UPSTREAM] = f"http://{HOST}:{options.upstream_port}"
    app.cleanup_ctx.append(_session)
    app.router.add_route("*", "/{path:.*}", forward)
    loop = uvloop.new_event_loop()
    web.run_app(
        app,
        host=HOST,
        backlog=4096,
        port=options.port,
        print=None,
        access_log=None,
        shutdown_timeout=0,
        loop=loop,
    )


if __name__ == "__main__":
    main()
