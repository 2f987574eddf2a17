"""A model that echoes over WebSocket, with a few words that it obeys; $PORT is its port."""

import asyncio
import os

from websockets.asyncio.server import ServerConnection, serve

PING = "ping me"
CLOSE = "close with 4001"


async def echo(connection: ServerConnection) -> None:
    """Send back what comes, whole messages only."""
    async for message in connection:
        if message == PING:
            await (await connection.ping())
        if message == CLOSE:
            await connection.close(4001, "as you wish")
            return
        await connection.send(message)


async def main() -> None:
    """Serve until killed."""
    async with serve(echo, "127.0.0.1", int(os.environ["PORT"])):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
