"""An aiohttp application on a port of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from servingkit.core.revision import Address


@asynccontextmanager
async def web_server(application: web.Application) -> AsyncIterator[Address]:
    """Serve it on this machine until the block ends; handlers that run then are cut off."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield Address(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()
