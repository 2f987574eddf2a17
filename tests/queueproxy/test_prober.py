"""Asking a model, which is a service of the same engine, whether it is ready."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from queueproxy.core.readiness_probe import ReadinessProbe
from queueproxy.prober import Prober
from servingkit.clock import monotonic
from servingkit.http1.client import HttpClient
from servingkit.http1.engine import Engine
from servingkit.http1.exchange import Exchange
from tests.polling import until

pytestmark = pytest.mark.asyncio

HOST = "127.0.0.1"


@dataclass
class Model:
    """Answers with the next of its statuses, the last one for ever; 0 is no answer at all."""

    statuses: list[int] = field(default_factory=lambda: [200])
    asked: list[Exchange] = field(default_factory=list)

    def __call__(self, exchange: Exchange) -> None:
        self.asked.append(exchange)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status:
            exchange.answer(status)


@asynccontextmanager
async def probing(model: Model, probe: ReadinessProbe) -> AsyncIterator[Prober]:
    async with Engine() as engine, asyncio.TaskGroup() as tasks:
        port = (await engine.listen(model, HOST, 0)).port
        prober = Prober(replace(probe, port=port), HttpClient(engine), tasks)
        yield prober
        prober.stop()


async def ask(prober: Prober) -> bool:
    told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    prober.ask(told.set_result)
    return await asyncio.wait_for(told, 10)


ONCE = ReadinessProbe(port=0, path="/ready?deep=1", period_s=5, timeout_s=0.3)
EAGER = ReadinessProbe(port=0, path="/")


@pytest.mark.parametrize(
    ("status", "ready"), [(199, False), (200, True), (302, True), (399, True), (400, False)]
)
async def test_success_is_what_kubernetes_takes_for_it(status: int, ready: bool) -> None:
    model = Model([status if status >= 200 else 500])
    async with probing(model, ONCE) as prober:
        assert await ask(prober) is ready
    assert len(model.asked) == 1  # the kubelet counts, we do not
    assert model.asked[0].request.target == b"/ready?deep=1"


async def test_model_that_does_not_answer_in_time_is_not_ready() -> None:
    async with probing(Model([0]), ONCE) as prober:
        assert await ask(prober) is False


async def test_headers_of_the_probe_are_sent_and_its_host_replaces_ours() -> None:
    model = Model()
    headers = (("Host", "iris.example"), ("X-Mine", "a"), ("User-Agent", "mine"))
    async with probing(model, replace(ONCE, headers=headers)) as prober:
        assert await ask(prober)
    request = model.asked[0].request
    assert request.host == b"iris.example"
    assert (request.fields[b"x-mine"], request.fields[b"user-agent"]) == (b"a", b"mine")


async def test_the_kubelets_name_is_on_probes_that_have_none() -> None:
    model = Model()
    async with probing(model, ONCE) as prober:
        assert await ask(prober)
    assert model.asked[0].request.fields[b"user-agent"].startswith(b"kube-probe/")


async def test_eager_probing_goes_on_each_50_ms_until_the_model_is_ready() -> None:
    model = Model([503] * 10 + [200])
    async with probing(model, EAGER) as prober:
        began_at = monotonic()
        assert await ask(prober)
        assert monotonic() - began_at >= 10 * 0.05
    assert len(model.asked) == 11


async def test_attempt_that_hangs_does_not_stop_eager_probing() -> None:
    model = Model([0, 0, 200])
    async with probing(model, EAGER) as prober:
        assert await ask(prober)
    assert len(model.asked) == 3


async def test_successes_must_come_in_a_row_the_first_time_and_one_is_enough_later() -> None:
    model = Model([200, 200, 503, 200])
    async with probing(model, replace(EAGER, success_threshold=3)) as prober:
        assert await ask(prober)
        assert len(model.asked) == 6  # 2 successes, a failure, 3 successes
        assert await ask(prober)
        assert len(model.asked) == 7


async def test_all_who_ask_at_once_share_one_probe() -> None:
    model = Model([0])
    async with probing(model, ONCE) as prober, asyncio.TaskGroup() as askers:
        results = [askers.create_task(ask(prober)) for _ in range(20)]
        await until(lambda: model.asked)
        model.asked[0].answer(200)
        assert all([await result for result in results])
    assert len(model.asked) == 1


async def test_open_port_is_enough_without_a_path() -> None:
    async with probing(Model([0]), ReadinessProbe(port=0)) as prober:
        assert await ask(prober)


async def test_grpc_is_not_what_http_1_speaks() -> None:
    probe = ReadinessProbe(port=0, grpc_service="", period_s=1)
    async with probing(Model(), probe) as prober:
        assert await ask(prober) is False


async def test_who_waits_when_probing_stops_is_told_no() -> None:
    async with probing(Model([503]), EAGER) as prober:
        told: list[bool] = []
        prober.ask(told.append)
        prober.stop()
        assert told == [False]


@pytest.mark.parametrize("path", [None, "/"], ids=["tcp", "http"])
async def test_model_is_found_ready_within_100_ms(path: str | None) -> None:
    delays_s = []
    for _ in range(5):
        async with Engine() as engine, asyncio.TaskGroup() as tasks:
            with socket.socket() as free:
                free.bind((HOST, 0))
                port: int = free.getsockname()[1]
            prober = Prober(ReadinessProbe(port=port, path=path), HttpClient(engine), tasks)
            ready = tasks.create_task(ask(prober))
            await asyncio.sleep(0.23)  # a few attempts find nobody
            await engine.listen(Model(), HOST, port)
            listening_at = monotonic()
            assert await ready
            delays_s.append(monotonic() - listening_at)
    assert sorted(delays_s)[2] < 0.1  # the median: a busy machine may hold one or two up
