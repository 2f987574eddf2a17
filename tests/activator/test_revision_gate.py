"""Held, released, refused, retried: over real sockets."""

import asyncio

import pytest

from activator import revision_gates
from activator.app import Activator
from servingkit.core.revision import Address, PodState
from servingkit.http1.exchange import Exchange
from tests.activator.world import HOST, IRIS, TO_IRIS, World
from tests.fakes.cluster import pod
from tests.polling import until
from tests.ports import free_port

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


def in_flight(activator: Activator) -> list[int]:
    gate = activator._gates.get(IRIS)
    assert gate is not None
    return [tracker.in_flight for tracker in gate.throttler.pods]


async def test_requests_wait_for_a_pod_and_go_in_order_of_arrival(world: World) -> None:
    world.put_revision(container_concurrency=2)
    activator = await world.start_activator()
    asked = []
    for number in range(5):
        asked.append(world.ask(activator, headers=(*TO_IRIS, (b"X-Number", b"%d" % number))))
        await until(lambda: activator.held_requests(IRIS) == len(asked))
    sidecar = await world.start_sidecar(container_concurrency=2)
    world.put_pods(sidecar)
    for _ in asked:
        await until(lambda: sidecar.running)
        sidecar.finish()
    answers = await asyncio.gather(*asked)
    assert [answer.status for answer in answers] == [200] * 5
    assert [fields[b"x-number"] for fields in sidecar.seen] == [b"%d" % n for n in range(5)]
    assert sidecar.most_running == 2
    await until(lambda: in_flight(activator) == [0])


async def test_a_starting_pod_is_used_as_soon_as_it_answers(world: World) -> None:
    world.put_revision()
    activator = await world.start_activator()
    sidecar = await world.start_sidecar()
    sidecar.ready = False
    world.put_pods(sidecar, state=PodState.STARTING)
    asked = world.ask(activator)
    await until(lambda: sidecar.probes >= 2)
    sidecar.ready = True
    await until(lambda: sidecar.running)
    sidecar.finish()
    assert (await asked).status == 200


async def test_a_starting_pod_is_left_alone_while_nobody_waits(world: World) -> None:
    world.put_revision()
    await world.start_activator()
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar, state=PodState.STARTING)
    await asyncio.sleep(0.2)  # four probes would have come
    assert sidecar.probes == 0


async def test_the_pod_states_its_concurrency(world: World) -> None:
    world.put_revision(container_concurrency=1)
    activator = await world.start_activator()
    sidecar = await world.start_sidecar(container_concurrency=3)
    world.put_pods(sidecar)
    for _ in range(4):
        world.send(activator)
    await until(lambda: len(sidecar.running) == 3)
    assert activator.held_requests(IRIS) == 1
    assert sidecar.refused == 0


async def test_a_concurrency_that_changes_while_the_pod_runs_is_noticed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revision_gates, "ASK_AGAIN_EVERY_S", 0.05)
    world.put_revision(container_concurrency=1)
    activator = await world.start_activator()
    sidecar = await world.start_sidecar(container_concurrency=1)
    world.put_pods(sidecar)
    for _ in range(3):
        world.send(activator)
    await until(lambda: activator.held_requests(IRIS) == 2)
    sidecar.container_concurrency = 2
    await until(lambda: len(sidecar.running) == 2)
    assert activator.held_requests(IRIS) == 1


async def test_all_pods_are_used_though_all_clients_are_on_one_of_two_activators(
    world: World,
) -> None:
    world.put_revision(container_concurrency=1)
    sidecars = [await world.start_sidecar(f"pod-{n}") for n in range(3)]
    world.put_pods(*sidecars)
    busy = await world.start_activator("activator-1")
    await world.start_activator("activator-2")
    for _ in range(4):
        world.send(busy)
    await until(lambda: all(len(sidecar.running) == 1 for sidecar in sidecars))
    await until(lambda: busy.held_requests(IRIS) == 1)


async def test_what_a_full_pod_refuses_goes_to_a_free_one(world: World) -> None:
    world.put_revision(container_concurrency=1)
    full, free = await world.start_sidecar("pod-1"), await world.start_sidecar("pod-2")
    world.put_pods(full, free)
    first = await world.start_activator("activator-1")
    second = await world.start_activator("activator-2")
    world.send(first)
    await until(lambda: full.running)
    asked = world.ask(second)
    await until(lambda: free.running)
    assert full.refused == 1
    free.finish()
    assert (await asked).body == b"pod-2"


async def test_what_a_full_pod_refuses_keeps_its_place_and_is_tried_again(world: World) -> None:
    world.put_revision(container_concurrency=1)
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    first = await world.start_activator("activator-1")
    second = await world.start_activator("activator-2")
    world.send(first)
    await until(lambda: sidecar.running)
    asked = [world.ask(second, headers=(*TO_IRIS, (b"X-Number", b"0")))]
    await until(lambda: sidecar.refused >= 2)  # tried again with no slot of its own freed
    asked.append(world.ask(second, headers=(*TO_IRIS, (b"X-Number", b"1"))))
    await until(lambda: second.held_requests(IRIS) == 2)
    sidecar.finish()  # the request of the first activator
    for answer in asked:
        await until(lambda: sidecar.running)
        sidecar.finish()
        await answer
    assert [fields.get(b"x-number") for fields in sidecar.seen] == [None, b"0", b"1"]


async def test_a_request_too_large_to_send_twice_waits_in_the_pod(world: World) -> None:
    world.put_revision(container_concurrency=1)
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    activator = await world.start_activator()
    asked = world.ask(activator, b"POST", b"x" * 1_000_000)
    await until(lambda: sidecar.running)
    assert b"inflight-queue" not in sidecar.seen[0]
    sidecar.finish()
    assert (await asked).status == 200


async def test_a_client_that_leaves_is_not_held_any_more(world: World) -> None:
    world.put_revision()
    activator = await world.start_activator()
    reader, writer = await asyncio.open_connection(HOST, activator.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: iris.default\r\n\r\n")
    await until(lambda: activator.held_requests(IRIS) == 1)
    asked = world.ask(activator)
    await until(lambda: activator.held_requests(IRIS) == 2)
    writer.close()
    await until(lambda: activator.held_requests(IRIS) == 1)
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    await until(lambda: sidecar.running)
    sidecar.finish()
    assert (await asked).status == 200
    assert len(sidecar.seen) == 1
    assert await reader.read() == b""


async def test_a_client_that_leaves_frees_its_slot(world: World) -> None:
    world.put_revision()
    activator = await world.start_activator()
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    _, writer = await asyncio.open_connection(HOST, activator.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: iris.default\r\n\r\n")
    await until(lambda: sidecar.running)
    writer.close()
    await until(lambda: not sidecar.running)
    await until(lambda: in_flight(activator) == [0])


async def test_a_get_is_retried_when_the_pod_dies_before_it_answers(world: World) -> None:
    world.put_revision()
    activator = await world.start_activator()
    dying, other = await world.start_sidecar("pod-1"), await world.start_sidecar("pod-2")
    world.put_pods(dying, other)
    asked = world.ask(activator)
    await until(lambda: dying.running)
    dying.listener.abort()
    await until(lambda: other.running)
    other.finish()
    answer = await asked
    assert (answer.status, answer.body) == (200, b"pod-2")
    await until(lambda: in_flight(activator) == [0, 0])


async def test_a_post_that_a_pod_has_seen_is_not_sent_twice(world: World) -> None:
    world.put_revision()
    activator = await world.start_activator()
    dying, other = await world.start_sidecar("pod-1"), await world.start_sidecar("pod-2")
    world.put_pods(dying, other)
    asked = world.ask(activator, b"POST", b"once only")
    await until(lambda: dying.running)
    dying.listener.abort()
    answer = await asked
    assert answer.status == 502
    assert answer.headers[b"inflight-reason"] == b"upstream-error"
    assert not other.seen


async def test_a_post_is_sent_elsewhere_when_the_connection_is_refused(world: World) -> None:
    world.put_revision()
    activator = await world.start_activator()
    other = await world.start_sidecar("pod-2")
    dead = pod("pod-1", serving=Address(HOST, free_port()))
    world.cluster.put_pods(IRIS, dead, pod("pod-2", serving=other.address))
    asked = world.ask(activator, b"POST", b"hello")
    await until(lambda: other.running)
    other.finish()
    assert (await asked).body == b"pod-2"
    world.send(activator)
    await until(lambda: other.running)
    assert in_flight(activator) == [0, 1]


async def test_a_request_waits_for_a_new_pod_when_the_only_one_cannot_be_reached(
    world: World,
) -> None:
    world.put_revision()
    activator = await world.start_activator()
    world.cluster.put_pods(IRIS, pod("pod-1", serving=Address(HOST, free_port())))
    asked = world.ask(activator, b"POST", b"hello")
    await until(lambda: activator.held_requests(IRIS) == 1)
    sidecar = await world.start_sidecar("pod-2")
    world.put_pods(sidecar)
    await until(lambda: sidecar.running)
    sidecar.finish()
    assert (await asked).status == 200


@pytest.mark.parametrize("reason", [b"starting", b"shutting-down"])
async def test_a_pod_that_says_it_does_not_serve_is_left_until_it_answers_a_probe(
    world: World, reason: bytes
) -> None:
    world.put_revision()
    activator = await world.start_activator()
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    await until(lambda: sidecar.probes)
    sidecar.reason = reason
    sidecar.ready = False
    asked = world.ask(activator)
    await until(lambda: sidecar.probes >= 4)
    assert sidecar.refused == 1
    sidecar.reason = b""
    sidecar.ready = True
    await until(lambda: sidecar.running)
    sidecar.finish()
    assert (await asked).status == 200


async def test_a_pod_that_always_fails_is_tried_three_times(world: World) -> None:
    attempts = 0

    def reset(exchange: Exchange) -> None:
        nonlocal attempts
        attempts += 1
        exchange.abort()

    world.put_revision()
    activator = await world.start_activator()
    listener = await world._outside.listen(reset, HOST, 0)
    gate = activator._gates.get(IRIS)
    assert gate is not None
    world.cluster.put_pods(IRIS, pod("pod-1", serving=Address(HOST, listener.port)))
    gate.throttler.pods[0].concurrency_known = True  # no probe counts as an attempt
    answer = await world.ask(activator)
    assert (answer.status, attempts) == (502, 3)
    assert gate.counts.retries == 2


async def test_what_waits_for_a_revision_that_is_deleted_is_told(world: World) -> None:
    world.put_revision()
    activator = await world.start_activator()
    asked = world.ask(activator)
    await until(lambda: activator.held_requests(IRIS) == 1)
    world.put_revision(uid=2)
    answer = await asked
    assert answer.status == 503
    assert answer.headers[b"inflight-reason"] == b"revision-gone"
    assert answer.headers[b"retry-after"] == b"1"
    later = world.ask(activator)
    await until(lambda: activator.held_requests(IRIS) == 1)
    world.cluster.remove_revision(IRIS)
    assert (await later).status == 503
    assert (await world.ask(activator)).status == 404
