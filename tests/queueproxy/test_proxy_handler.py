"""The serving port on real sockets, before a model that is a service of the same engine."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from queueproxy.core.breaker import Breaker
from queueproxy.core.drain import Drain
from queueproxy.core.readiness_probe import ReadinessProbe
from queueproxy.probe_handler import ProbeHandler
from queueproxy.prober import Prober
from queueproxy.proxy_handler import Limits, ProxiedRequest, ProxyHandler, _kept_edits
from servingkit.core.revision import Address
from servingkit.http1.client import Fetched, HttpClient
from servingkit.http1.core.message import Header
from servingkit.http1.engine import Engine, Listener
from servingkit.http1.exchange import Exchange
from servingkit.http1.watcher import TimeLimits
from tests.polling import until

pytestmark = pytest.mark.asyncio

HOST = "127.0.0.1"


@dataclass
class Model:
    """Answers at once, or when a test says so; keeps what it was asked."""

    headers: Sequence[Header] = ()
    at_once: bool = True
    asked: list[Exchange] = field(default_factory=list)

    def __call__(self, exchange: Exchange) -> None:
        self.asked.append(exchange)
        if self.at_once:
            exchange.answer(200, self.headers, b"a flower")


@dataclass
class World:
    model: Model
    proxy: ProxyHandler
    listener: Listener
    client: HttpClient

    async def get(self, *headers: Header) -> Fetched:
        address = Address(HOST, self.listener.port)
        return await self.client.fetch(address, b"GET", b"/", headers, timeout_s=60)


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with Engine() as engine, asyncio.TaskGroup() as tasks:
        model = Model()
        address = Address(HOST, (await engine.listen(model, HOST, 0)).port)
        client = HttpClient(engine)
        drain = Drain(0.0)
        prober = Prober([ReadinessProbe(port=address.port)], client, tasks)
        breaker = Breaker[ProxiedRequest](1, 10)
        probes = ProbeHandler(prober, drain, lambda: breaker.container_concurrency)
        proxy = ProxyHandler(address, breaker, Limits(TimeLimits(5.0)), probes, drain)
        yield World(model, proxy, await engine.listen(proxy, HOST, 0), client)
        prober.stop()


async def test_model_sees_no_header_that_is_between_proxies(world: World) -> None:
    await world.get(
        (b"K-Proxy-Request", b"activator"),
        (b"Inflight-Queue", b"0"),
        (b"Knative-Serving-Revision", b"iris"),
        (b"Knative-Serving-Namespace", b"default"),
        (b"X-Mine", b"stays"),
    )
    (asked,) = world.model.asked
    assert set(asked.request.fields) == {b"host", b"x-mine", b"x-forwarded-for", b"via"}


async def test_client_is_appended_to_who_forwarded(world: World) -> None:
    await world.get((b"X-Forwarded-For", b"10.1.2.3"))
    assert world.model.asked[0].request.fields[b"x-forwarded-for"] == b"10.1.2.3, 127.0.0.1"


async def test_host_that_an_activator_put_aside_is_restored(world: World) -> None:
    await world.get((b"K-Original-Host", b"api.example.com"))
    assert world.model.asked[0].request.host == b"api.example.com"


async def test_reason_from_behind_the_model_proves_nothing_and_does_not_pass(world: World) -> None:
    world.model.headers = ((b"Inflight-Reason", b"queue-full"), (b"X-Other", b"passes"))
    answer = await world.get()
    assert b"inflight-reason" not in answer.headers
    assert answer.headers[b"x-other"] == b"passes"


async def test_proxied_requests_are_counted_apart(world: World) -> None:
    world.model.at_once = False
    async with asyncio.TaskGroup() as clients:
        clients.create_task(world.get((b"K-Proxy-Request", b"activator")))
        clients.create_task(world.get())
        await until(lambda: world.proxy.stats.concurrency == 2)
        assert world.proxy.stats.proxied_concurrency == 1
        assert (world.proxy.breaker.running, world.proxy.breaker.waiting) == (1, 1)
        for _ in range(2):
            await until(lambda: world.model.asked)
            world.model.asked.pop().answer(200)
    await until(lambda: world.proxy.stats.concurrency == 0)
    assert world.proxy.stats.proxied_concurrency == world.proxy.breaker.running == 0


async def test_probes_are_no_requests(world: World) -> None:
    answer = await world.get((b"User-Agent", b"kube-probe/1.31"), (b"K-Network-Probe", b"queue"))
    assert (answer.status, answer.body) == (200, b"queue")
    assert not world.model.asked
    assert not world.proxy.metrics.by_status


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        pytest.param(
            ((b"User-Agent", b"kube-probe/1.31"),), 400, b"unexpected", id="no probe header"
        ),
        pytest.param(
            ((b"User-Agent", b"Knative-Autoscaling-Probe"), (b"K-Network-Probe", b"activator")),
            400,
            b"unexpected probe header value: activator",
            id="asks for an activator",
        ),
        pytest.param(((b"K-Network-Probe", b"probe"),), 400, b"", id="ingress probe without hash"),
        pytest.param(
            ((b"K-Network-Probe", b"probe"), (b"K-Network-Hash", b"abc")), 200, b"", id="ingress"
        ),
        pytest.param(
            ((b"User-Agent", b"Knative-Activator-Probe"), (b"K-Network-Probe", b"queue")),
            200,
            b"queue",
            id="activator",
        ),
    ],
)
async def test_probe_protocol(
    world: World, headers: tuple[Header, ...], status: int, body: bytes
) -> None:
    answer = await world.get(*headers)
    assert answer.status == status
    assert answer.body.startswith(body)
    assert answer.headers.get(b"k-network-hash") == dict(headers).get(b"K-Network-Hash")


async def test_ordinary_request_may_carry_a_probe_header(world: World) -> None:
    answer = await world.get((b"K-Network-Probe", b"queue"), (b"User-Agent", b"curl/8"))
    assert answer.body == b"a flower"


async def test_forwarded_is_made_of_what_came_before_the_client_is_appended(world: World) -> None:
    await world.get((b"X-Forwarded-For", b"10.1.2.3"), (b"X-Forwarded-Proto", b"https"))
    fields = world.model.asked[0].request.fields
    assert fields[b"forwarded"] == b"for=10.1.2.3;proto=https"
    assert fields[b"x-forwarded-proto"] == b"https"


async def test_probe_is_told_the_limit_in_force(world: World) -> None:
    world.proxy.resize(7, 70)
    answer = await world.get((b"User-Agent", b"kube-probe/1"), (b"K-Network-Probe", b"queue"))
    assert answer.headers[b"inflight-container-concurrency"] == b"7"


@pytest.mark.parametrize(
    "headers",
    [
        ((b"User-Agent", b"kube-probe/1"), (b"K-Network-Probe", b"queue")),
        ((b"K-Network-Probe", b"probe"), (b"K-Network-Hash", b"abc")),
    ],
)
async def test_each_probe_of_a_draining_pod_is_refused(
    world: World, headers: tuple[Header, ...]
) -> None:
    world.proxy.drain.begin(0, pod_deleted=True)
    answer = await world.get(*headers)
    assert (answer.status, answer.body) == (503, b"shutting down\n")


async def test_only_short_fields_of_clients_are_remembered(world: World) -> None:
    _kept_edits.clear()
    for size, kept in ((4_000, 0), (40, 1)):
        nodes = b"1" * size
        await world.get((b"X-Forwarded-For", nodes))
        (asked,) = world.model.asked
        assert asked.request.fields[b"x-forwarded-for"] == nodes + b", 127.0.0.1"
        assert len(_kept_edits) == kept
        world.model.asked.clear()
