"""WebSockets become tunnels; other upgrades are not offered on."""

import asyncio

import pytest

from servingkit.http1.core.message import AnswerHead
from servingkit.http1.exchange import Exchange
from servingkit.http1.upstream import UpstreamConnection
from servingkit.http1.watcher import Edits
from tests.polling import until
from tests.servingkit.http1.peers import Proxy, Recorder, Wire, site, upstream
from tests.servingkit.http1.scripts import GET, POST, QUEUE_BYTES, echo

pytestmark = pytest.mark.asyncio


WEBSOCKET = (
    b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: y\r\n\r\n"
)


async def tunnel_echo(wire: Wire) -> None:
    head = await wire.until(b"\r\n\r\n")
    assert b"Upgrade: websocket" in head
    await wire.send(SWITCH + b"hello")
    while data := wire._left or await wire.reader.read(65_536):
        wire._left = b""
        await wire.send(data)


async def test_websocket_becomes_a_tunnel_for_both_sides() -> None:
    async with upstream(tunnel_echo) as up, site(proxy := Proxy(up.address)) as place:
        client = await place.client()
        await client.send(WEBSOCKET + b"\x81early")  # bytes that do not wait for the 101
        head = await client.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"Sec-WebSocket-Accept: y" in head
        assert b"Upgrade: websocket" in head
        assert await client.until(b"early") == b"hello\x81early"
        await client.send(b"\x82more")
        assert await client.until(b"more") == b"\x82more"
        client.close()
        await until(lambda: up.over == 1)
        assert proxy.events == ["answer_started 101", "upstream_done", "ended answered 101"]
        await until(lambda: place.listener.open_connections == 0)


async def test_watcher_may_turn_a_tunnel_down_add_to_its_head_or_abort() -> None:
    class Choosy(Recorder):
        def answer_started(self, head: AnswerHead) -> bool:
            super().answer_started(head)
            reason = head.fields[b"inflight-reason"]
            self.exchange.answer_added = ((b"X-Added", b"1"),)
            if reason == b"abort":
                self.exchange.abort()
            return reason != b"refused"

    async def serve(wire: Wire) -> None:
        head = await wire.until(b"\r\n\r\n")
        await wire.send(SWITCH[:-2] + b"Inflight-Reason: %b\r\n\r\n" % head[5:].split(b" ")[0])
        await wire.rest()

    async with upstream(serve) as up:

        def service(exchange: Exchange) -> None:
            Choosy(exchange)
            exchange.forward(up.address, Edits(answer_dropped=frozenset((b"inflight-reason",))))

        async with site(service) as place:
            client = await place.client()
            await client.send(WEBSOCKET.replace(b"/chat", b"/taken"))
            head = await client.until(b"\r\n\r\n")
            assert b"X-Added: 1\r\n" in head
            assert b"Inflight-Reason" not in head
            client = await place.client()
            await client.send(WEBSOCKET.replace(b"/chat", b"/refused"))
            assert (await client.answer()).status == 502
            client = await place.client()
            await client.send(WEBSOCKET.replace(b"/chat", b"/abort"))
            with pytest.raises(ConnectionResetError):
                await client.rest()


@pytest.mark.parametrize("field", [b"", b"Upgrade: h2c\r\n"], ids=["none", "another"])
async def test_switch_to_what_was_not_asked_for_fails_the_attempt(field: bytes) -> None:
    async def serve(wire: Wire) -> None:
        await wire.until(b"\r\n\r\n")
        await wire.send(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n%b\r\n" % field
        )
        await wire.rest()

    async with upstream(serve) as up, site(proxy := Proxy(up.address)) as place:
        client = await place.client()
        await client.send(WEBSOCKET)
        assert (await client.answer()).status == 502
        assert proxy.events == ["attempt_failed malformed retryable", "ended answered 502"]


async def test_tunnel_passes_on_what_came_before_either_side_closed() -> None:
    got = bytearray()

    async def serve(wire: Wire) -> None:
        await wire.until(b"\r\n\r\n")
        await wire.send(SWITCH + bytes(3_000_000))
        wire.writer.write_eof()
        got.extend(await wire.rest())

    async with upstream(serve) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        await client.send(WEBSOCKET + b"bye")
        await client.until(b"\r\n\r\n")
        assert await client.rest() == bytes(3_000_000)
        await until(lambda: up.over == 1)
    assert got == b"bye"


async def test_tunnel_holds_a_fast_side_back() -> None:
    size = 50_000_000

    async with upstream(tunnel_echo) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        await client.send(WEBSOCKET)
        await client.until(b"hello")
        (connection,) = place.listener._connections.open
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        sending = asyncio.ensure_future(client.send(bytes(size)))
        await until(lambda: place.listener._connections.paused)
        tunnel = connection._tunnel
        assert isinstance(tunnel, UpstreamConnection)
        assert connection._transport.get_write_buffer_size() <= QUEUE_BYTES
        assert tunnel._transport.get_write_buffer_size() <= QUEUE_BYTES
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert await client.reader.readexactly(size) == bytes(size)
        await sending


async def test_websocket_that_is_turned_down_leaves_http_on_both_sides() -> None:
    async def serve(wire: Wire) -> None:
        await wire.until(b"\r\n\r\n")
        await wire.send(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno")
        await echo(wire)

    async with upstream(serve) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        client.writer.write(WEBSOCKET + POST % 100_000 + b"x" * 50_000)
        assert (await client.answer()).status == 403
        await client.send(b"x" * 50_000 + GET)
        assert (await client.answer()).body == b"/ " + b"x" * 100_000
        assert (await client.answer()).body == b"/ "
        assert len(up.wires) == 1


OFFERS = {
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n",
    "websocket": b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
}


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS.keys())
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
async def test_upgrade_offered_with_a_body_is_ignored_and_the_body_kept(
    offer: bytes, *, chunked: bool
) -> None:
    body = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
    sent = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    raw = b"POST / HTTP/1.1\r\nHost: a\r\n" + offer + framing + b"\r\n\r\n" + sent
    heads: list[bytes] = []

    async def serve(wire: Wire) -> None:
        while True:
            asked = await wire.request()
            heads.append(b" ".join(name for name, _ in asked.headers))
            answer = asked.target + b" " + asked.body
            await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)

    async with upstream(serve) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        await client.send(raw + GET + raw)
        assert (await client.answer()).body == b"/ " + body
        assert (await client.answer()).body == b"/ "
        assert (await client.answer()).body == b"/ " + body
        for at in range(0, len(raw), 7):
            await client.send(raw[at : at + 7])
        assert (await client.answer()).body == b"/ " + body
        assert not any(b"upgrade" in head for head in heads)


async def test_h2c_offered_without_a_body_is_ignored() -> None:
    async with upstream(echo) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        await client.send(GET[:-2] + OFFERS["h2c"] + b"\r\n" + GET)
        assert (await client.answer()).body == b"/ "
        assert (await client.answer()).body == b"/ "
