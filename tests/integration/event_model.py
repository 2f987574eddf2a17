"""A model that streams events; $PORT is its port.

`GET /?count=N&period_ms=P` answers N server-sent events, numbered from 0, P milliseconds apart;
`GET /streams` how many streams are open. Anything else is answered at once.
"""

import asyncio
import os

from aiohttp import web

STREAMS = web.AppKey("streams", list[int])


async def serve(request: web.Request) -> web.StreamResponse:
    """Answer a request."""
    streams = request.app[STREAMS]
    if request.path == "/streams":
        return web.json_response(len(streams))
    count = int(request.query.get("count", "0"))
    if not count:
        return web.json_response(os.getpid())
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await answer.prepare(request)
    streams.append(count)
    try:
        for number in range(count):
            await answer.write(b"data: %d\n\n" % number)
            await asyncio.sleep(float(request.query["period_ms"]) / 1000)
        await answer.write_eof()
    finally:
        streams.remove(count)
    return answer


def main() -> None:
    """Serve until told to end; streams that are open then are served to their end."""
    app = web.Application()
    app[STREAMS] = []
    app.router.add_route("*", "/{path:.*}", serve)
    web.run_app(
        app, host="127.0.0.1", port=int(os.environ["PORT"]), print=None, handler_cancellation=True
    )


if __name__ == "__main__":
    main()
