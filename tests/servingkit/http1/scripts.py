"""What clients say and upstreams do in the tests of exchanges."""

from tests.servingkit.http1.peers import Wire

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
UPLOAD_BYTES = 8_000_000

QUEUE_BYTES = 512 * 1024
"""High-water mark of a transport, and one read on top."""


async def echo(wire: Wire) -> None:
    """Answer each request with its own target and body."""
    while True:
        asked = await wire.request()
        body = asked.target + b" " + asked.body
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


async def silence(wire: Wire) -> None:
    """Take all and answer nothing."""
    await wire.rest()
