"""Asking a model, which is a service of the same engine, whether it is ready."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from queueproxy import prober
from queueproxy.core.readiness_probe import ReadinessProbe
from queueproxy.prober import Prober
from servingkit.clock import monotonic
from servingkit.http1.client import HttpClient
from servingkit.http1.engine import Engine
from servingkit.http1.exchange import Exchange
from tests.polling import PATIENCE_S, until
from tests.ports import free_port

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
        asking = Prober([replace(probe, port=port)], HttpClient(engine), tasks)
        yield asking
        asking.stop()


async def ask(asking: Prober) -> bool:
    told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    asking.ask(told.set_result)
    return await asyncio.wait_for(told, PATIENCE_S)


ONCE = ReadinessProbe(port=0, path="/ready?deep=1", period_s=5, timeout_s=PATIENCE_S)
EAGER = ReadinessProbe(port=0, path="/")


@pytest.mark.parametrize(
    ("status", "ready"), [(199, False), (200, True), (302, True), (399, True), (400, False)]
)
async def test_success_is_what_kubernetes_takes_for_it(status: int, ready: bool) -> None:
    model = Model([status if status >= 200 else 500])
    async with probing(model, ONCE) as asking:
        assert await ask(asking) is ready
    assert len(model.asked) == 1  # the kubelet counts, we do not
    assert model.asked[0].request.target == b"/ready?deep=1"


async def test_model_that_does_not_answer_in_time_is_not_ready() -> None:
    async with probing(Model([0]), replace(ONCE, timeout_s=0.1)) as asking:
        assert await ask(asking) is False


async def test_headers_of_the_probe_are_sent_and_its_host_replaces_ours() -> None:
    model = Model()
    headers = (("Host", "iris.example"), ("X-Mine", "a"), ("User-Agent", "mine"))
    async with probing(model, replace(ONCE, headers=headers)) as asking:
        assert await ask(asking)
    request = model.asked[0].request
    assert request.host == b"iris.example"
    assert (request.fields[b"x-mine"], request.fields[b"user-agent"]) == (b"a", b"mine")


async def test_the_kubelets_name_is_on_probes_that_have_none() -> None:
    model = Model()
    async with probing(model, ONCE) as asking:
        assert await ask(asking)
    assert model.asked[0].request.fields[b"user-agent"].startswith(b"kube-probe/")


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no attempt of eager probing fail because the machine is busy."""
    monkeypatch.setattr(prober, "_AGGRESSIVE_TIMEOUT_S", PATIENCE_S)
    monkeypatch.setattr(prober, "_AGGRESSIVE_TOTAL_S", PATIENCE_S)


@pytest.mark.usefixtures("patient")
async def test_eager_probing_goes_on_each_20_ms_until_the_model_is_ready() -> None:
    model = Model([503] * 10 + [200])
    async with probing(model, EAGER) as asking:
        began_at = monotonic()
        assert await ask(asking)
        assert monotonic() - began_at >= 10 * 0.02
    assert len(model.asked) == 11


async def test_attempt_that_hangs_does_not_stop_eager_probing() -> None:
    model = Model([0, 0, 200])
    async with probing(model, EAGER) as asking:
        assert await ask(asking)
    assert len(model.asked) >= 3


@pytest.mark.usefixtures("patient")
async def test_successes_must_come_in_a_row_the_first_time_and_one_is_enough_later() -> None:
    model = Model([200, 200, 503, 200])
    async with probing(model, replace(EAGER, success_threshold=3)) as asking:
        assert await ask(asking)
        assert len(model.asked) == 6  # 2 successes, a failure, 3 successes
        assert await ask(asking)
        assert len(model.asked) == 7


async def test_all_who_ask_at_once_share_one_probe() -> None:
    model = Model([0])
    async with probing(model, ONCE) as asking, asyncio.TaskGroup() as askers:
        results = [askers.create_task(ask(asking)) for _ in range(20)]
        await until(lambda: model.asked)
        model.asked[0].answer(200)
        assert all([await result for result in results])
    assert len(model.asked) == 1


async def test_open_port_is_enough_without_a_path() -> None:
    async with probing(Model([0]), ReadinessProbe(port=0)) as asking:
        assert await ask(asking)


async def test_grpc_is_not_what_http_1_speaks() -> None:
    probe = ReadinessProbe(port=0, grpc_service="", period_s=1, timeout_s=PATIENCE_S)
    async with probing(Model(), probe) as asking:
        assert await ask(asking) is False


async def test_who_waits_when_probing_stops_is_told_no() -> None:
    async with probing(Model([503]), EAGER) as asking:
        told: list[bool] = []
        asking.ask(told.append)
        asking.stop()
        assert told == [False]


async def count_periods(periods: list[float]) -> None:
    """Note each 20 ms; on a loop that is held up, as late as probing is."""
    while True:
        await asyncio.sleep(0.02)
        periods.append(monotonic())


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("path", [None, "/"], ids=["tcp", "http"])
async def test_model_that_begins_to_listen_is_found_within_a_few_periods(path: str | None) -> None:
    async with Engine() as engine, asyncio.TaskGroup() as tasks:
        port = free_port()
        asking = Prober([ReadinessProbe(port=port, path=path)], HttpClient(engine), tasks)
        ready = tasks.create_task(ask(asking))
        await asyncio.sleep(0.23)  # a few attempts find nobody
        await engine.listen(Model(), HOST, port)
        periods: list[float] = []
        counting = tasks.create_task(count_periods(periods))
        assert await ready
        counting.cancel()
    assert len(periods) < 10  # one or two; a probe each second would take fifty


@pytest.mark.parametrize("statuses", [(200, 200), (200, 503), (503, 200)])
async def test_pod_of_several_containers_is_ready_when_all_are(statuses: tuple[int, int]) -> None:
    models = [Model([status]) for status in statuses]
    async with Engine() as engine, asyncio.TaskGroup() as tasks:
        ports = [(await engine.listen(model, HOST, 0)).port for model in models]
        probes = [replace(ONCE, port=port) for port in ports]
        asking = Prober(probes, HttpClient(engine), tasks)
        assert await ask(asking) is (statuses == (200, 200))
    assert [len(model.asked) for model in models] == [1, 1]
