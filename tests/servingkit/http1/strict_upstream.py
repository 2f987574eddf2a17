"""An upstream that trusts no proxy: h11 reads, and what h11 lets pass is looked at besides."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import h11

from servingkit.core.revision import Address
from servingkit.http1.downstream import ServerLimits
from tests.servingkit.http1.hostile import CHUNKED, LAST
from tests.servingkit.http1.peers import HOST, Asked, Proxy, Site, Wire, site, upstream

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_LINE = re.compile(_TOKEN + rb" [!-~]+ HTTP/1\.1")
_FIELD = re.compile(_TOKEN + rb": [\t -~\x80-\xff]*")
_FRAMING = (b"transfer-encoding", b"content-length")


class StrictUpstream:
    """Answers each request with its body, and notes what no proxy may send."""

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        """What came whole."""
        self.raw: list[bytes] = []
        """The bytes of each of them."""
        self.partial: list[bytes] = []
        """What came of requests whose end did not."""
        self.complaints: list[str] = []

    async def serve(self, wire: Wire) -> None:
        """Read one connection to its end."""
        judge = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        raw = b""
        head: h11.Request | None = None
        body = b""
        try:
            while data := await wire.reader.read(65_536):
                raw += data
                judge.receive_data(data)
                while (event := judge.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                    if isinstance(event, h11.Request):
                        head = event
                        self._look_at_head(raw)
                    elif isinstance(event, h11.Data):
                        body += event.data
                    elif isinstance(event, h11.EndOfMessage) and head is not None:
                        asked = Asked(head.method, head.target, list(head.headers), body)
                        self._take(asked, raw, judge)
                        raw = body = b""
                        await wire.send(_answer(judge, asked))
        except h11.RemoteProtocolError as error:
            self.complaints.append(f"{error}: {raw!r}")
        finally:
            if raw:
                self.partial.append(raw)

    def _take(self, asked: Asked, raw: bytes, judge: h11.Connection) -> None:
        if judge.trailing_data[0]:
            self.complaints.append(f"more than one request: {raw!r}")
        self.requests.append(asked)
        self.raw.append(raw)

    def _look_at_head(self, raw: bytes) -> None:
        line, *fields = raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
        names = [field.partition(b":")[0].lower() for field in fields]
        if not (
            _LINE.fullmatch(line)
            and all(map(_FIELD.fullmatch, fields))
            and names.count(b"host") == 1
            and sum(map(names.count, _FRAMING)) <= 1
        ):
            self.complaints.append(f"not a head that a proxy may send: {raw!r}")


def _answer(judge: h11.Connection, asked: Asked) -> bytes:
    headers = [("Content-Length", str(len(asked.body)))]
    raw = judge.send(h11.Response(status_code=200, headers=headers)) or b""
    if asked.method != b"HEAD":
        raw += judge.send(h11.Data(asked.body)) or b""
    raw += judge.send(h11.EndOfMessage()) or b""
    judge.start_next_cycle()
    return raw


def joined(raw: bytes) -> bytes:
    """Return a request as if its body came in one chunk: where it is cut is up to each hop.

    What a hop adds to every head is left out.
    """
    raw = raw.replace(b"Via: 1.1 inflight\r\n", b"").replace(b"Via: 1.0 inflight\r\n", b"")
    head, _, rest = raw.partition(b"\r\n\r\n")
    if CHUNKED not in head:
        return raw
    data = b""
    while rest and not rest.startswith(LAST):
        digits, _, rest = rest.partition(b"\r\n")
        size = int(digits, 16)
        data += rest[:size]
        rest = rest[size + 2 :]
    return head + b"\r\n\r\n" + data + rest


@asynccontextmanager
async def proxies_before(
    script: Callable[[Wire], Awaitable[None]], hops: int, limits: ServerLimits | None = None
) -> AsyncIterator[Site]:
    """Serve `script` behind `hops` engines in a row; the first of them, which has the limits."""
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(upstream(script))
        address = served.address
        for _ in range(hops - 1):
            place = await stack.enter_async_context(site(Proxy(address)))
            address = Address(HOST, place.listener.port)
        yield await stack.enter_async_context(site(Proxy(address), limits))
