"""Probes, names, headers, limits: what the request ports answer."""

import asyncio

import pytest

from servingkit.http1.core.message import Header
from tests.activator.world import HOST, IRIS, TO_IRIS, World
from tests.polling import until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        pytest.param([(b"K-Network-Probe", b"activator")], 200, b"activator", id="activator"),
        pytest.param(
            [(b"K-Network-Probe", b"queue")],
            400,
            b"unexpected probe header value: queue\n",
            id="meant for a sidecar",
        ),
        pytest.param([(b"User-Agent", b"kube-probe/1.31")], 200, b"", id="kubelet"),
    ],
)
async def test_probes_are_answered(
    world: World, headers: list[Header], status: int, body: bytes
) -> None:
    activator = await world.start_activator()
    answer = await world.ask(activator, headers=headers)
    assert (answer.status, answer.body) == (status, body)


async def test_headers_of_a_stranger_name_no_revision(world: World) -> None:
    world.put_revision()
    activator = await world.start_activator(trusted="10.0.0.0/8")
    answer = await world.ask(activator)
    assert answer.headers[b"inflight-reason"] == b"unknown-revision"


async def test_an_unknown_revision_is_refused_with_a_reason(world: World) -> None:
    activator = await world.start_activator()
    answer = await world.ask(activator)
    assert answer.status == 404
    assert answer.headers[b"inflight-reason"] == b"unknown-revision"


async def test_the_pod_gets_the_headers_of_the_wire_and_the_clients_host(world: World) -> None:
    world.put_revision()
    activator = await world.start_activator()
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    sent = (
        *TO_IRIS,
        (b"X-Forwarded-For", b"192.0.2.1"),
        (b"Inflight-Queue", b"1"),
        (b"K-Proxy-Request", b"me"),
    )
    world.send(activator, headers=sent)
    await until(lambda: sidecar.running)
    fields = sidecar.seen[0]
    assert fields == {
        b"host": f"{HOST}:{activator.port}".encode(),
        b"k-proxy-request": b"activator",
        b"x-forwarded-for": b"192.0.2.1, 127.0.0.1",
        b"via": b"1.1 inflight",
        b"inflight-queue": b"0",
    }


async def test_what_is_held_past_the_time_limit_is_answered_as_knative_does(world: World) -> None:
    world.put_revision(timeout_s=0.2)
    activator = await world.start_activator()
    answer = await world.ask(activator)
    assert (answer.status, answer.body) == (504, b"activator request timeout")
    assert answer.headers[b"inflight-reason"] == b"upstream-timeout"
    assert activator.held_requests(IRIS) == 0


async def test_a_pod_past_the_time_limit_gives_its_slot_back(world: World) -> None:
    world.put_revision(timeout_s=0.2)
    activator = await world.start_activator()
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    assert (await world.ask(activator)).status == 504
    await until(lambda: not sidecar.running)
    world.put_revision()
    world.send(activator)
    await until(lambda: sidecar.running)


@pytest.mark.parametrize(
    ("pod_serves", "status", "reason"),
    [
        pytest.param(True, 429, b"queue-full", id="wait your turn"),
        pytest.param(False, 503, b"no-capacity", id="no pod"),
    ],
)
async def test_beyond_the_limit_of_the_queue_a_request_is_refused(
    world: World, *, pod_serves: bool, status: int, reason: bytes
) -> None:
    world.put_revision()
    activator = await world.start_activator(queue_limit=1)
    if pod_serves:
        sidecar = await world.start_sidecar()
        world.put_pods(sidecar)
        world.send(activator)
        await until(lambda: sidecar.running)
    world.send(activator)
    await until(lambda: activator.held_requests(IRIS) == 1)
    answer = await world.ask(activator)
    assert answer.status == status
    assert answer.headers[b"inflight-reason"] == reason
    assert 1 <= int(answer.headers[b"retry-after"]) <= 10


async def test_a_fast_pod_under_load_loses_nothing(world: World) -> None:
    world.put_revision(container_concurrency=5)
    activator = await world.start_activator(queue_limit=1000)
    sidecars = [await world.start_sidecar(f"pod-{n}", 5) for n in range(3)]
    world.put_pods(*sidecars)

    async def serve() -> None:
        while True:
            for sidecar in sidecars:
                sidecar.finish(5)
            await asyncio.sleep(0)

    serving = asyncio.create_task(serve())
    answers = await asyncio.gather(*(world.ask(activator) for _ in range(300)))
    serving.cancel()
    assert {answer.status for answer in answers} == {200}
    assert max(sidecar.most_running for sidecar in sidecars) <= 5
    served = [len(sidecar.seen) for sidecar in sidecars]
    assert sum(served) == 300
    assert max(served) <= 1.2 * min(served)
