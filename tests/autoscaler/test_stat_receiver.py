import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSCloseCode, WSMsgType, web

from autoscaler.stat_receiver import StatReceiver
from servingkit.clock import monotonic
from servingkit.core.stat import Stat
from servingkit.stat_wire import WireStat, encode_wire_stats
from tests.autoscaler.tracked import IRIS
from tests.polling import until

pytestmark = pytest.mark.asyncio

FRAME = encode_wire_stats([WireStat(IRIS, Stat(pod_name="activator-1", request_count=2))])


class Receiving:
    """A receiver on a loopback port, and what it was told."""

    def __init__(self) -> None:
        self.heard_at: dict[str, float] = {}
        self.stats: list[WireStat] = []
        self.url = ""
        self.session = ClientSession()
        receiver = StatReceiver(self.heard_at, self._take)
        self.runner = web.AppRunner(receiver.application(), access_log=None)

    @asynccontextmanager
    async def connect(
        self, query: str = "?activator=mine"
    ) -> AsyncIterator[ClientWebSocketResponse]:
        """Open a connection that answers no ping by itself."""
        async with self.session.ws_connect(self.url + query, autoping=False) as socket:
            yield socket

    def _take(self, stats: Sequence[WireStat]) -> None:
        self.stats += stats


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiving]:
    it = Receiving()
    await it.runner.setup()
    await web.TCPSite(it.runner, "127.0.0.1", 0).start()
    it.url = f"http://127.0.0.1:{it.runner.addresses[0][1]}/"
    yield it
    await it.session.close()
    await it.runner.cleanup()


async def test_stats_of_a_signed_connection_are_passed_on() -> None:
    async with receiving() as it:
        async with it.connect() as socket:
            await socket.send_bytes(FRAME)
            await until(lambda: it.stats)
            assert it.stats[0].revision == IRIS
            assert monotonic() - it.heard_at["mine"] < 1
        await until(lambda: not it.heard_at)


async def test_an_empty_frame_of_a_signed_connection_is_a_report() -> None:
    async with receiving() as it, it.connect() as socket:
        await socket.send_bytes(b"")
        await until(lambda: "mine" in it.heard_at)
        assert it.stats == []


async def test_a_ping_of_a_signed_connection_is_no_report() -> None:
    async with receiving() as it, it.connect() as socket:
        await socket.ping()
        assert (await socket.receive()).type is WSMsgType.PONG
        assert it.heard_at == {}


async def test_an_unsigned_connection_is_known_by_its_stats_and_heard_by_its_pings() -> None:
    async with receiving() as it, it.connect("") as socket:
        await socket.ping()
        assert (await socket.receive()).type is WSMsgType.PONG
        assert it.heard_at == {}
        await socket.send_bytes(FRAME)
        await until(lambda: "activator-1" in it.heard_at)
        before = it.heard_at["activator-1"]
        await socket.ping()
        await until(lambda: it.heard_at["activator-1"] > before)


async def test_an_activator_that_connected_again_stays_known_when_its_old_connection_ends() -> None:
    async with receiving() as it, it.connect() as new:
        await new.send_bytes(b"")
        async with it.connect() as old:
            await old.send_bytes(FRAME)
            await until(lambda: it.stats)
        await new.send_bytes(FRAME)
        await until(lambda: len(it.stats) == 2)
        assert "mine" in it.heard_at


async def test_bytes_that_are_no_stats_end_the_connection() -> None:
    async with receiving() as it:
        async with it.connect() as socket:
            await socket.send_bytes(b"\xff")
            closed = await socket.receive()
            assert (closed.type, closed.data) == (WSMsgType.CLOSE, 1003)
        async with it.connect() as socket:
            await socket.send_str("hello")
            assert (await socket.receive()).data == WSCloseCode.UNSUPPORTED_DATA
        assert it.heard_at == {}


async def test_the_kubelet_gets_an_answer_and_others_without_a_websocket_a_refusal() -> None:
    async with receiving() as it:
        async with it.session.get(it.url, headers={"User-Agent": "kube-probe/1.30"}) as answer:
            assert answer.status == 200
        async with it.session.get(it.url) as answer:
            assert answer.status == 400


async def test_activators_are_told_to_come_back_on_shutdown() -> None:
    async with receiving() as it, it.connect() as socket:
        await socket.send_bytes(FRAME)
        await until(lambda: it.stats)
        cleanup = it.runner.cleanup()
        async with asyncio.TaskGroup() as group:
            group.create_task(cleanup)
            closed = await socket.receive()
        assert (closed.data, closed.extra) == (1012, "Restarting")
