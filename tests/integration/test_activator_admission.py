"""Admission with real processes: cold starts that flood nobody, slots, tenants, and spread."""

import asyncio
import json
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from statistics import median

import pytest

from activator.app import Activator
from servingkit.clock import monotonic
from servingkit.core.revision import Address
from servingkit.http1.client import Fetched, HttpClient
from servingkit.http1.core.message import Header
from servingkit.http1.engine import Engine
from servingkit.http1.exchange import Exchange
from tests.activator.world import HOST, IRIS, TO_IRIS, FakeSidecar, World
from tests.fakes.cluster import pod
from tests.inflight.local_process import one_revision
from tests.integration.programs import sidecar, sleeper, wait_until
from tests.polling import until
from tests.ports import free_port

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

PATIENCE_S = 110.0


@asynccontextmanager
async def world_outside() -> AsyncIterator[World]:
    async with Engine() as inside, Engine() as outside:
        world = World(inside, outside)
        try:
            yield world
        finally:
            await world.stop()


async def ask(
    client: HttpClient, port: int, target: str, headers: Sequence[Header] = ()
) -> Fetched:
    address = Address(HOST, port)
    return await client.fetch(address, b"GET", target.encode(), headers, timeout_s=PATIENCE_S)


# --- at zero pods -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("most_pods", "requests"),
    [
        pytest.param(1, 150, id="one pod serves them all in waves"),
        pytest.param(4, 150, id="as many pods as are wanted"),
    ],
)
async def test_150_requests_at_zero_never_flood_a_pod_and_none_is_lost(
    most_pods: int, requests: int
) -> None:
    model = "python -m loadtest.sleeper --startup-s 2"
    scaling = ("--initial-scale=0", "--target=40", f"--max-scale={most_pods}")
    async with (
        one_revision("--container-concurrency=40", *scaling, command=model) as local,
        Engine() as engine,
    ):
        port = int(local.url.rpartition(":")[2])
        client = HttpClient(engine)
        asked = [ask(client, port, "/?sleep=300") for _ in range(requests)]
        answers = await asyncio.gather(*asked)
    assert {answer.status for answer in answers} == {200}
    counts = [json.loads(answer.body) for answer in answers]
    peaks: Counter[int] = Counter()
    for count in counts:
        peaks[count["pid"]] = max(peaks[count["pid"]], count["peak_concurrency"])
    assert max(peaks.values()) <= 40
    assert len(peaks) <= most_pods
    timings = [answer.headers.get(b"server-timing", b"") for answer in answers]
    assert sum(b"probe;dur=" in timing for timing in timings) >= 40


# --- slots --------------------------------------------------------------------------------------


async def test_with_all_clients_on_one_of_two_activators_three_pods_of_one_slot_run_three() -> None:
    with ExitStack() as stack:
        models = [free_port() for _ in range(3)]
        for port in models:
            stack.enter_context(sleeper(port))
        sidecars = [stack.enter_context(sidecar(port, container_concurrency=1)) for port in models]
        wait_until(lambda: all(proxy.probe().ok for proxy in sidecars), "the pods are ready")
        async with world_outside() as world:
            world.put_revision(container_concurrency=1)
            ports = [proxy.serving_port for proxy in sidecars]
            pods = [pod(f"pod-{n}", serving=Address(HOST, port)) for n, port in enumerate(ports)]
            world.cluster.put_pods(IRIS, *pods)
            busy = await world.start_activator("activator-1")
            await world.start_activator("activator-2")
            running = [
                asyncio.create_task(ask(world.client, busy.port, "/?sleep=60000", TO_IRIS))
                for _ in range(4)
            ]
            await until(lambda: busy.held_requests(IRIS) == 1)
            for port in models:
                stats = {"concurrency": 0}
                while stats["concurrency"] != 1:
                    stats = json.loads((await ask(world.client, port, "/stats")).body)
                assert stats["peak_concurrency"] == 1
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


# --- pods that hang -----------------------------------------------------------------------------


async def test_a_model_that_hangs_loses_its_requests_to_others_and_is_used_again_later() -> None:
    with ExitStack() as stack:
        ports = [free_port() for _ in range(2)]
        models = [stack.enter_context(sleeper(port)) for port in ports]
        sidecars = [stack.enter_context(sidecar(port, container_concurrency=0)) for port in ports]
        wait_until(lambda: all(proxy.probe().ok for proxy in sidecars), "the pods are ready")
        async with world_outside() as world:
            limits = {"pod-answer-timeout": "3s", "pod-failure-threshold": "1"}
            annotations = {f"inflight.dev/{name}": value for name, value in limits.items()}
            annotations["inflight.dev/lb-policy"] = "round-robin"
            world.put_revision(container_concurrency=0, annotations=annotations)
            serving = [Address(HOST, proxy.serving_port) for proxy in sidecars]
            world.cluster.put_pods(
                IRIS, *(pod(f"pod-{n}", serving=address) for n, address in enumerate(serving))
            )
            activator = await world.start_activator()
            # A stopped process takes connections, so a TCP readiness probe still passes.
            models[0].send_signal(signal.SIGSTOP)
            for _ in range(4):
                answer = await ask(world.client, activator.port, "/", TO_IRIS)
                assert (answer.status, json.loads(answer.body)["pid"]) == (200, models[1].pid)
            gate = activator._gates.get(IRIS)
            assert gate is not None
            assert gate.counts.ejections >= 1
            models[0].send_signal(signal.SIGCONT)
            served = 0
            while served != models[0].pid:
                answer = await ask(world.client, activator.port, "/", TO_IRIS)
                assert answer.status == 200
                served = json.loads(answer.body)["pid"]


# --- tenants ------------------------------------------------------------------------------------


async def test_a_noisy_tenant_does_not_hold_a_quiet_one_up() -> None:
    async with world_outside() as world:
        with ExitStack() as stack:
            model = free_port()
            stack.enter_context(sleeper(model))
            proxy = stack.enter_context(sidecar(model, container_concurrency=4))
            wait_until(lambda: proxy.probe().ok, "the pod is ready")
            world.put_revision(
                container_concurrency=4, annotations={"inflight.dev/tenant-header": "X-Tenant"}
            )
            activator = await world.start_activator()
            serving = Address(HOST, proxy.serving_port)
            world.cluster.put_pods(IRIS, pod("pod-1", serving=serving))
            noisy_s: list[float] = []
            quiet_s: list[float] = []
            # Each tenant's share is two slots, and the noisy one asks for ten times that.
            noise = [
                asyncio.create_task(ask_for_ever(world, activator, b"noisy", noisy_s))
                for _ in range(20)
            ]
            await until(lambda: len(noisy_s) >= 20)
            quiet = asyncio.create_task(ask_for_ever(world, activator, b"quiet", quiet_s))
            await until(lambda: len(quiet_s) >= 6)
            for task in (*noise, quiet):
                task.cancel()
            await asyncio.gather(*noise, quiet, return_exceptions=True)
    # In a plain queue both would wait as long: for five turns of the model.
    assert median(quiet_s) < median(noisy_s) / 2


async def ask_for_ever(
    world: World, activator: Activator, tenant: bytes, latencies_s: list[float]
) -> None:
    headers = (*TO_IRIS, (b"X-Tenant", tenant))
    while True:
        asked_at = monotonic()
        answer = await ask(world.client, activator.port, "/?sleep=150", headers)
        assert answer.status == 200
        latencies_s.append(monotonic() - asked_at)


# --- spread -------------------------------------------------------------------------------------


class RandomModel(FakeSidecar):
    """A sidecar with four slots whose model takes a random time."""

    def __init__(self, name: str, source: random.Random) -> None:
        super().__init__(name, 4)
        self._source = source

    def __call__(self, exchange: Exchange) -> None:
        started = len(self.seen)
        super().__call__(exchange)
        if len(self.seen) > started:
            loop = asyncio.get_running_loop()
            loop.call_later(self._source.expovariate(100.0), self.finish)


async def test_the_busiest_of_eight_pods_does_little_more_than_the_mean() -> None:
    source = random.Random(1)  # noqa: S311 -- the same draws in each run
    async with world_outside() as world:
        models = [RandomModel(f"pod-{n}", source) for n in range(8)]
        for model in models:
            model.listener = await world._outside.listen(model, HOST, 0)
        world.put_revision(
            container_concurrency=4, annotations={"inflight.dev/lb-policy": "least-loaded"}
        )
        activator = await world.start_activator()
        world.put_pods(*models)

        async def client() -> None:
            for _ in range(100):
                answer = await ask(world.client, activator.port, "/", TO_IRIS)
                assert answer.status == 200

        await asyncio.gather(*(client() for _ in range(19)))  # 60 % of 32 slots
    served = [len(model.seen) for model in models]
    assert sum(served) == 1900
    assert max(served) <= 1.15 * sum(served) / 8
    assert max(model.most_running for model in models) <= 4
