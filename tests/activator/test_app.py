"""Start, metrics, end in order."""

import asyncio

import pytest

from activator.app import Activator
from servingkit.core.revision import Address
from tests.activator.world import HOST, IRIS, World
from tests.polling import until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


async def page(world: World, activator: Activator) -> str:
    address = Address(HOST, activator.metrics_port)
    answer = await world.client.fetch(address, b"GET", b"/metrics", timeout_s=5)
    assert answer.status == 200
    return answer.body.decode()


async def test_held_requests_of_an_unknown_revision_are_none(world: World) -> None:
    activator = await world.start_activator()
    assert activator.held_requests(IRIS) == 0


async def test_prometheus_sees_what_waits_and_what_ended(world: World) -> None:
    world.put_revision()
    activator = await world.start_activator()
    asked = world.ask(activator)
    await until(lambda: activator.held_requests(IRIS) == 1)
    labels = 'k8s_namespace_name="default",kn_revision_name="iris"'
    text = await page(world, activator)
    assert f"kn_revision_request_concurrency{{{labels}}} 1.0" in text
    assert f"kn_revision_request_queued{{{labels}}} 1.0" in text
    assert 'kn_activator_stats_conn_reachable{peer="autoscaler"} 0.0' in text
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    await until(lambda: sidecar.running)
    sidecar.finish()
    await asked
    text = await page(world, activator)
    assert f'inflight_activator_requests_total{{{labels},response_code_class="2xx"}} 1.0' in text
    assert f"inflight_activator_held_seconds_count{{{labels}}} 1.0" in text


async def test_on_the_way_out_requests_are_finished(world: World) -> None:
    world.put_revision()
    activator = await world.start_activator(drain_timeout_s=5)
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    running, held = world.ask(activator), world.ask(activator)
    await until(lambda: sidecar.running and activator.held_requests(IRIS) == 1)
    world._running[0].cancel()
    await until(lambda: not activator._proxy.ready)
    for asked in (running, held):
        await until(lambda: sidecar.running)
        sidecar.finish()
        answer = await asked
        assert answer.status == 200
        assert answer.headers[b"connection"] == b"close"
    with pytest.raises(asyncio.CancelledError):
        await world._running.pop()


async def test_what_still_waits_at_the_end_is_told(world: World) -> None:
    world.put_revision()
    activator = await world.start_activator(drain_timeout_s=0.2)
    asked = world.ask(activator)
    await until(lambda: activator.held_requests(IRIS) == 1)
    world._running[0].cancel()
    answer = await asked
    assert answer.status == 503
    assert answer.headers[b"inflight-reason"] == b"shutting-down"
    with pytest.raises(asyncio.CancelledError):
        await world._running.pop()


async def test_the_cluster_may_change_after_the_end(world: World) -> None:
    world.put_revision()
    await world.start_activator()
    await world.stop()
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    world.cluster.remove_revision(IRIS)
