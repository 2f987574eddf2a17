import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSCloseCode, WSMsgType, web

from autoscaler.stat_receiver import StatReceiver
from servingkit.clock import monotonic
from servingkit.core.revision import RevisionId
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
        self.seconds: list[int] = []
        self.url = ""
        self.session = ClientSession()
        self.receiver = StatReceiver(self.heard_at, self._take)
        self.runner = web.AppRunner(self.receiver.application(), access_log=None)

    @asynccontextmanager
    async def connect(
        self, query: str = "?activator=mine"
    ) -> AsyncIterator[ClientWebSocketResponse]:
        """Open a connection that answers no ping by itself."""
        async with self.session.ws_connect(self.url + query, autoping=False) as socket:
            yield socket

    def _take(self, revision: RevisionId, stat: Stat, second: int) -> None:
        self.stats.append(WireStat(revision, stat))
        self.seconds.append(second)


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
        before = monotonic()
        async with it.connect() as socket:
            await socket.send_bytes(FRAME)
            await until(lambda: it.stats)
            assert it.stats[0].revision == IRIS
            assert before <= it.heard_at["mine"] <= monotonic()
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


async def test_a_frame_of_thousands_is_taken_whole_and_counted_for_one_second() -> None:
    stats = [
        WireStat(RevisionId("default", f"rose-{index}"), Stat(pod_name="a", timestamp_s=7))
        for index in range(5000)
    ]
    async with receiving() as it, it.connect() as socket:
        await socket.send_bytes(encode_wire_stats(stats))
        await until(lambda: len(it.stats) == 5000)
        assert it.stats == stats
        assert len(set(it.seconds)) == 1


async def test_numbered_reports_are_counted_for_consecutive_seconds() -> None:
    async with receiving() as it, it.connect() as socket:
        for number in (4, 5, 5):
            stat = Stat(pod_name="a", request_count=1, timestamp_s=number)
            await socket.send_bytes(encode_wire_stats([WireStat(IRIS, stat)]))
        await until(lambda: len(it.stats) == 3)
        first, *rest = it.seconds
        assert rest == [first + 1, first + 1]


async def test_a_number_in_a_large_frame_that_is_not_finite_ends_the_connection() -> None:
    bad = Stat(pod_name="a", average_concurrent_requests=float("nan"))
    frame = FRAME * 1000 + encode_wire_stats([WireStat(IRIS, bad)])
    async with receiving() as it, it.connect() as socket:
        await socket.send_bytes(frame)
        assert (await socket.receive()).data == WSCloseCode.UNSUPPORTED_DATA
        assert it.receiver.bad_frames == 1
