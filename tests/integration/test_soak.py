"""Honest and hostile load together, while models are killed and sidecars stand still.

Every honest request asks for an answer that no other one has. It gets it, or is told why not, or
its connection breaks; what it must never get is another's bytes. Afterwards nothing is left: no
request in flight, no slot taken, no file open, and memory is where it was.
"""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import h11
import pytest

from activator.app import Activator
from activator.config import Config
from servingkit.core.revision import Address, Revision, RevisionId
from servingkit.http1.engine import Engine
from tests.fakes.cluster import FakeCluster, pod
from tests.integration.programs import RunningSidecar, sidecar
from tests.integration.unreliable_model import UnreliableModel, right_answer
from tests.polling import until
from tests.ports import free_port
from tests.servingkit.http1.hostile import HOSTILE
from tests.servingkit.http1.peers import HOST, Wire, connect

pytestmark = [pytest.mark.integration, pytest.mark.asyncio, pytest.mark.slow]

SECONDS = 40.0
SEED = 20_261_122
HONEST = 8
HOSTILE_CLIENTS = 8
SLOTS = 4
MOST_BODY_BYTES = 200_000
MOST_GROWTH_BYTES = 24 * 1024 * 1024
CHAT = RevisionId("default", "chat")
EXPECTED_REASONS = {
    b"queue-full",
    b"no-capacity",
    b"starting",
    b"upstream-error",
    b"upstream-timeout",
    b"queue-timeout",
}
BAD_TARGETS = (b"/drop", b"/vanish", b"/surplus", b"/garbage", b"/until-close", b"/early")


class Load:
    """What honest clients have seen."""

    def __init__(self, port: int, lot: random.Random) -> None:
        self.port = port
        self.lot = lot
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._numbers = 0

    def question(self) -> tuple[bytes, bytes, bytes, bytes]:
        """A request that is unlike all others: method, target, body, and its bytes."""
        lot = self.lot
        self._numbers += 1
        chunked = lot.choice((b"", b"&chunked=1"))
        pause_s = lot.choice((0.0, 0.0, 0.01, 0.05))
        target = b"/right/%d?s=%f%b" % (self._numbers, pause_s, chunked)
        method = lot.choice((b"GET", b"POST", b"PUT"))
        body = b"" if method == b"GET" else lot.randbytes(lot.choice((1, 60, MOST_BODY_BYTES)))
        line = b"%b %b HTTP/1.1\r\nHost: a\r\n" % (method, target)
        if body and lot.random() < 0.5:
            framed = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        else:
            framed = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        return method, target, body, line + framed

    async def ask(self, wire: Wire) -> bool:
        """Ask once; return whether the connection may be used again."""
        method, target, body, raw = self.question()
        await wire.send(raw)
        answer = await wire.answer(to=method.decode())
        if answer.status == 200:
            if answer.body != right_answer(target, body):
                self.wrong.append(f"{raw[:60]!r}: {answer.body[:80]!r}")
        elif answer.header(b"inflight-reason") not in EXPECTED_REASONS:
            self.wrong.append(f"{raw[:60]!r}: {answer}")
        self.seen[str(answer.status)] += 1
        return answer.header(b"connection") != b"close"

    async def honest(self) -> None:
        """Ask and ask, on one connection for as long as it lasts."""
        while True:
            wire = await connect(self.port)
            try:
                while await self.ask(wire):  # noqa: ASYNC110 -- clients think, and then ask again
                    await asyncio.sleep(self.lot.uniform(0, 0.02))
            except (ConnectionError, h11.RemoteProtocolError):
                self.seen["broken"] += 1
            finally:
                await wire.abandon()

    async def hostile(self) -> None:
        """Do all that clients should not do."""
        deeds = (
            self.break_a_rule,
            self.leave,
            self.read_slowly,
            self.chat,
            self.pipeline,
            self.bad,
        )
        while True:
            wire = await connect(self.port)
            try:
                async with asyncio.timeout(2):
                    await self.lot.choice(deeds)(wire)
            except (ConnectionError, h11.RemoteProtocolError, AssertionError, TimeoutError):
                pass  # whatever comes of it
            finally:
                if self.lot.random() < 0.5:
                    wire.reset()
                await wire.abandon()
            await asyncio.sleep(self.lot.uniform(0, 0.05))

    async def break_a_rule(self, wire: Wire) -> None:
        await wire.send(self.lot.choice(list(HOSTILE.values())).raw)
        await wire.answer()

    async def leave(self, wire: Wire) -> None:
        """In the middle of a request, or of its answer."""
        raw = self.question()[3]
        await wire.send(raw[: self.lot.randrange(len(raw) + 1)])
        await asyncio.sleep(self.lot.uniform(0, 0.05))

    async def read_slowly(self, wire: Wire) -> None:
        await wire.send(b"GET /much HTTP/1.1\r\nHost: a\r\n\r\n")
        for _ in range(self.lot.randrange(20)):
            await wire.reader.read(1_000)
            await asyncio.sleep(0.02)

    async def chat(self, wire: Wire) -> None:
        upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        await wire.send(b"GET /tunnel HTTP/1.1\r\nHost: a\r\n" + upgrade)
        assert b" 101 " in await wire.until(b"\r\n\r\n")
        await wire.send(b"hello")
        await wire.until(b"hello")
        await asyncio.sleep(self.lot.uniform(0, 0.5))

    async def pipeline(self, wire: Wire) -> None:
        await wire.send(b"".join(self.question()[3] for _ in range(self.lot.randrange(2, 40))))
        for _ in range(self.lot.randrange(5)):
            await wire.answer()

    async def bad(self, wire: Wire) -> None:
        """Have the model do what it should not."""
        body = self.lot.randbytes(self.lot.choice((1, MOST_BODY_BYTES)))
        target = self.lot.choice(BAD_TARGETS)
        head = b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (target, len(body))
        await wire.send(head + body)
        await wire.answer()


@asynccontextmanager
async def activator_before(
    *proxies: RunningSidecar,
) -> AsyncIterator[tuple[Activator, Engine, int]]:
    cluster, port = FakeCluster(), free_port()
    annotations = {"inflight.dev/hold-timeout": "5s", "inflight.dev/retry-sent-requests": "false"}
    cluster.put_revision(Revision(id=CHAT, uid="1", activator_port=port, annotations=annotations))
    pods = [
        pod(f"chat-{at}", serving=Address(HOST, proxy.serving_port))
        for at, proxy in enumerate(proxies)
    ]
    cluster.put_pods(CHAT, *pods)
    config = Config(
        name="a", listen_host=HOST, autoscaler_url=f"ws://{HOST}:1", port=0, metrics_port=0
    )
    started = asyncio.Event()
    async with Engine() as engine, asyncio.TaskGroup() as tasks:
        activator = Activator(config, engine, cluster, cluster)
        running = tasks.create_task(activator.run(started))
        await started.wait()
        yield activator, engine, port
        running.cancel()


async def kill_models(models: list[UnreliableModel], lot: random.Random) -> None:
    while True:
        await asyncio.sleep(lot.uniform(1, 4))
        model = lot.choice(models)
        model.kill()
        await asyncio.sleep(lot.uniform(0, 0.5))
        await model.start()


async def stop_and_continue(proxies: list[RunningSidecar], lot: random.Random) -> None:
    while True:
        await asyncio.sleep(lot.uniform(1, 4))
        pid = lot.choice(proxies).process.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(lot.uniform(0, 1))
        finally:
            os.kill(pid, signal.SIGCONT)


async def run_for(seconds: float, load: Load, *others: Coroutine[None, None, None]) -> None:
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(load.honest()) for _ in range(HONEST)]
        running += [tasks.create_task(load.hostile()) for _ in range(HOSTILE_CLIENTS)]
        running += map(tasks.create_task, others)
        await asyncio.sleep(seconds)
        for task in running:
            task.cancel()


def open_files(proxy: RunningSidecar) -> int:
    return len(list(Path(f"/proc/{proxy.process.pid}/fd").iterdir()))


def resident_bytes(proxy: RunningSidecar) -> int:
    pages = Path(f"/proc/{proxy.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


GAUGES = ("inflight_requests_in_flight", "inflight_requests_queued")


async def at_rest(proxy: RunningSidecar, files: int) -> None:
    """Wait until nothing is left of any request."""
    active = 'inflight_upstream_connections{state="active"}'
    await until(lambda: all(proxy.metric(gauge) == 0 for gauge in (*GAUGES, active)))
    await until(lambda: open_files(proxy) <= files)


async def all_slots_work(proxy: RunningSidecar) -> None:
    """As many requests as there are slots run at once, none of them in the queue."""

    async def ask(number: int) -> int:
        wire = await connect(proxy.serving_port)
        head = b"GET /right/%d?s=0.5 HTTP/1.1\r\nHost: a\r\nInflight-Queue: 0\r\n\r\n" % number
        await wire.send(head)
        status = (await wire.answer()).status
        await wire.abandon()
        return status

    assert await asyncio.gather(*map(ask, range(SLOTS))) == [200] * SLOTS


async def test_nothing_is_left_of_mixed_load_and_nobody_gets_the_answer_of_another() -> None:
    lot = random.Random(SEED)  # noqa: S311 -- no secret
    models = [UnreliableModel(free_port()) for _ in range(2)]
    for model in models:
        await model.start()
    with (
        sidecar(models[0].port, container_concurrency=SLOTS) as first,
        sidecar(models[1].port, container_concurrency=SLOTS) as second,
    ):
        proxies = [first, second]
        files = [open_files(proxy) for proxy in proxies]
        async with activator_before(*proxies) as (activator, engine, port):
            load = Load(port, lot)
            await run_for(SECONDS / 4, load)
            warm_bytes = [resident_bytes(proxy) for proxy in proxies]
            disturbances = kill_models(models, lot), stop_and_continue(proxies, lot)
            await run_for(SECONDS * 3 / 4, load, *disturbances)
            gate = activator._gates.get(CHAT)
            assert gate is not None
            await until(lambda: activator._reporter.total_concurrency == 0)
            await until(lambda: gate.throttler.waiting == 0)
            assert [tracker.in_flight for tracker in gate.throttler.pods] == [0, 0]
            await until(lambda: engine.pool.open_connections == engine.pool.idle_connections == 0)
        for model in models:
            model.kill()
            await model.start()
        for proxy, most_files, before_bytes in zip(proxies, files, warm_bytes, strict=True):
            await at_rest(proxy, most_files)
            await all_slots_work(proxy)
            assert resident_bytes(proxy) < before_bytes + MOST_GROWTH_BYTES
    for model in models:
        model.kill()
    await until(lambda: not any(model.wires for model in models))
    assert load.wrong == []
    assert load.seen["200"] > load.seen.total() / 2, load.seen
