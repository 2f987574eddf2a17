"""Stats over a real websocket."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import WSMsgType, web

from activator import autoscaler_links, stat_reporter
from servingkit.stat_wire import WireStat, decode_wire_stats
from tests.activator.world import HOST, IRIS, World
from tests.polling import until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


class Autoscaler:
    """Keeps every frame."""

    def __init__(self, host: str = HOST) -> None:
        self.host = host
        self.frames: list[list[WireStat]] = []
        self.names: list[str] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"ws://{self.host}:{self.port}"

    @property
    def told(self) -> list[tuple[float, float]]:
        return [
            (stat.average_concurrent_requests, stat.request_count)
            for frame in self.frames
            for _, stat in frame
        ]

    async def start(self) -> None:
        application = web.Application()
        application.router.add_get("/", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        for socket in self.sockets:
            await socket.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.names.append(request.query["activator"])
        self.sockets.append(socket)
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                frame = decode_wire_stats(message.data)
                self.frames.append(frame)
        self.sockets.remove(socket)
        return socket


@pytest_asyncio.fixture
async def autoscaler() -> AsyncIterator[Autoscaler]:
    autoscaler = Autoscaler()
    await autoscaler.start()
    try:
        yield autoscaler
    finally:
        await autoscaler.stop()


async def test_the_first_request_of_an_idle_revision_is_told_before_the_next_report(
    world: World, autoscaler: Autoscaler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stat_reporter, "REPORT_PERIOD_S", 3600.0)
    world.put_revision()
    activator = await world.start_activator(url=autoscaler.url)
    await until(lambda: autoscaler.frames)  # the present load, as on each new connection
    world.send(activator)
    await until(lambda: autoscaler.told)
    assert autoscaler.told == [(1, 1)]


async def test_the_poke_is_taken_off_the_next_report_and_held_time_counts(
    world: World, autoscaler: Autoscaler
) -> None:
    world.put_revision()
    activator = await world.start_activator(url=autoscaler.url)
    await until(lambda: autoscaler.frames)
    world.send(activator)
    world.send(activator)
    await until(lambda: autoscaler.told[-1:] == [(2, 0)])  # a second with both held
    assert autoscaler.told[0] == (1, 1)
    assert sum(count for _, count in autoscaler.told) == 2
    assert max(concurrency for concurrency, _ in autoscaler.told) <= 2


async def test_a_request_that_finds_the_pods_gone_is_told_before_the_next_report(
    world: World, autoscaler: Autoscaler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stat_reporter, "REPORT_PERIOD_S", 3600.0)
    world.put_revision()
    activator = await world.start_activator(url=autoscaler.url)
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    await until(lambda: autoscaler.frames)
    served = world.ask(activator)
    await until(lambda: sidecar.running)
    sidecar.finish()
    await served
    world.put_pods()
    world.send(activator)
    await until(lambda: len(autoscaler.told) == 2)
    assert autoscaler.told == [(1, 1), (1, 1)]


async def test_an_idle_activator_reports_all_the_same(world: World, autoscaler: Autoscaler) -> None:
    await world.start_activator("activator-7", url=autoscaler.url)
    await until(lambda: len(autoscaler.frames) >= 3)
    assert autoscaler.names == ["activator-7"]
    assert not autoscaler.told


async def test_after_a_break_the_present_load_is_told_first(
    world: World, autoscaler: Autoscaler
) -> None:
    world.put_revision()
    await autoscaler.stop()
    activator = await world.start_activator(url=autoscaler.url)
    for _ in range(3):
        world.send(activator)
    await until(lambda: activator.held_requests(IRIS) == 3)
    await autoscaler.start()
    await until(lambda: autoscaler.told)
    assert autoscaler.told[0][0] == 3


async def test_requests_are_served_while_the_autoscaler_is_away(
    world: World, autoscaler: Autoscaler
) -> None:
    world.put_revision()
    activator = await world.start_activator(url=autoscaler.url)
    await until(lambda: autoscaler.frames)
    await autoscaler.stop()
    await until(lambda: not activator._reporter.connected)
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    asked = world.ask(activator)
    await until(lambda: sidecar.running)
    sidecar.finish()
    assert (await asked).status == 200
    frames = len(autoscaler.frames)
    await autoscaler.start()
    await until(lambda: len(autoscaler.frames) > frames)


async def test_the_end_of_the_activator_ends_the_connection(
    world: World, autoscaler: Autoscaler
) -> None:
    await world.start_activator(url=autoscaler.url)
    await until(lambda: autoscaler.sockets)
    await world.stop()
    await until(lambda: not autoscaler.sockets)


async def test_every_replica_behind_the_name_is_told_and_those_that_come_and_go_are_followed(
    world: World, autoscaler: Autoscaler, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Autoscaler("127.0.0.2")
    other.port = autoscaler.port
    await other.start()
    replicas = {HOST}

    async def look_up(host: str) -> set[str]:
        assert host == "autoscaler.example"
        return replicas

    monkeypatch.setattr(autoscaler_links, "look_up", look_up)
    monkeypatch.setattr(autoscaler_links, "LOOK_UP_EVERY_S", 0.05)
    try:
        world.put_revision()
        activator = await world.start_activator(url=f"ws://autoscaler.example:{autoscaler.port}")
        await until(lambda: autoscaler.frames)
        world.send(activator)
        await until(lambda: autoscaler.told)
        replicas = {HOST, "127.0.0.2"}
        await until(lambda: other.told)
        assert other.told[0][0] == 1  # all that is in flight, though the first one knows
        replicas = {"127.0.0.2"}
        await until(lambda: not autoscaler.sockets)
        frames = len(other.frames)
        await until(lambda: len(other.frames) > frames)
        assert activator._reporter.connected
    finally:
        await world.stop()
        await other.stop()


async def test_a_name_that_is_not_found_leaves_the_known_replicas(
    world: World, autoscaler: Autoscaler, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = True
    asked = 0

    async def look_up(_: str) -> set[str]:
        nonlocal asked
        asked += 1
        if not known:
            raise OSError(-2, "Name or service not known")
        return {HOST}

    monkeypatch.setattr(autoscaler_links, "look_up", look_up)
    monkeypatch.setattr(autoscaler_links, "LOOK_UP_EVERY_S", 0.05)
    monkeypatch.setattr(autoscaler_links, "_LOOK_UP_AGAIN_S", 0.05)
    await world.start_activator(url=f"ws://autoscaler.example:{autoscaler.port}")
    await until(lambda: autoscaler.frames)
    known = False
    before = asked
    await until(lambda: asked > before + 2)
    frames = len(autoscaler.frames)
    await until(lambda: len(autoscaler.frames) > frames)
    assert len(autoscaler.names) == 1  # and it is the same connection


async def test_a_name_of_two_families_counts_each_replica_once() -> None:
    assert len(await autoscaler_links.look_up("localhost")) == 1
