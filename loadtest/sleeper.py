"""A model server that only sleeps: the sample of Knative's autoscale documentation, with a count.

`GET /?sleep=100` answers after 100 ms. Sleepers never wait for each other, so latency shows what
the proxies add; the server counts how many requests it ran at once, which shows from the model's
side whether a concurrency limit was kept. Every answer and `GET /stats` carry the counts.

It listens on 127.0.0.1:$PORT and does not answer before `--startup-s` have passed, like a model
that loads. A client that leaves ends its sleep.
"""

import argparse
import asyncio
import os
import sys
import time
from dataclasses import asdict, dataclass, field
from functools import partial

from aiohttp import web

from servingkit.config import EnvReader, exit_code_of


@dataclass(slots=True)
class Counts:
    """What one sleeper process has seen. `/stats` itself is not counted."""

    pid: int = field(default_factory=os.getpid)

    concurrency: int = 0
    """Requests that sleep at this moment."""

    peak_concurrency: int = 0
    """The most that ever slept at once."""

    requests: int = 0
    """Requests begun."""


COUNTS = web.AppKey("counts", Counts)


def parse_sleep_s(text: str) -> float:
    """Return seconds from the query's milliseconds. Raises ValueError unless finite and >= 0."""
    milliseconds = float(text)
    if not 0 <= milliseconds < float("inf"):
        raise ValueError(text)
    return milliseconds / 1000


async def sleep(request: web.Request) -> web.Response:
    """Sleep for the query's `sleep` milliseconds (absent: not at all), then answer the counts."""
    text = request.query.get("sleep", "0")
    try:
        sleep_s = parse_sleep_s(text)
    except ValueError:
        message = f"sleep: {text!r}; expected milliseconds, 0 or more\n"
        return web.Response(status=400, text=message)
    counts = request.app[COUNTS]
    counts.requests += 1
    counts.concurrency += 1
    counts.peak_concurrency = max(counts.peak_concurrency, counts.concurrency)
    try:
        await asyncio.sleep(sleep_s)
        return web.json_response(asdict(counts))
    finally:
        counts.concurrency -= 1


async def stats(request: web.Request) -> web.Response:
    """Answer the counts at once."""
    return web.json_response(asdict(request.app[COUNTS]))


def build() -> web.Application:
    """Return the server's application, with counts at zero."""
    app = web.Application()
    app[COUNTS] = Counts()
    app.router.add_get("/stats", stats)
    app.router.add_route("*", "/", sleep)
    return app


def main() -> int:
    """Run until SIGINT or SIGTERM; requests that still sleep then are answered first."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.sleeper", description=__doc__)
    parser.add_argument("--startup-s", type=float, default=0.0, help="seconds before it answers")
    return exit_code_of(partial(_serve, parser.parse_args().startup_s))


def _serve(startup_s: float) -> int:
    environ = EnvReader(os.environ)
    port = environ.integer("PORT", least=1, most=65535)
    environ.check()
    time.sleep(startup_s)
    web.run_app(build(), host="127.0.0.1", port=port, print=None, handler_cancellation=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
