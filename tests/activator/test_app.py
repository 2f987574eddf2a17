"""Start, metrics, end in order."""

import asyncio

import pytest

from activator.app import Activator
from activator.core.drain import DrainTimes
from servingkit.core.revision import Address
from servingkit.http1.client import FetchError
from tests.activator.world import HOST, IRIS, World
from tests.polling import until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


async def page(world: World, activator: Activator) -> str:
    address = Address(HOST, activator.metrics_port)
    answer = await world.client.fetch(address, b"GET", b"/metrics", timeout_s=60)
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
    activator = await world.start_activator()
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    running, held = world.ask(activator), world.ask(activator)
    await until(lambda: sidecar.running and activator.held_requests(IRIS) == 1)
    activator.stop()
    await until(lambda: not activator.ready)
    for asked in (running, held):
        await until(lambda: sidecar.running)
        sidecar.finish()
        answer = await asked
        assert answer.status == 200
        assert answer.headers[b"connection"] == b"close"
    await world.activator_over()


async def test_an_ending_activator_fails_its_probes_and_still_holds_newcomers(world: World) -> None:
    world.put_revision()
    activator = await world.start_activator(drain_quiet_s=1.0)
    activator.stop()
    await until(lambda: not activator.ready)
    probe = await world.ask(activator, headers=[(b"User-Agent", b"kube-probe/1.31")])
    assert probe.status == 503
    asked = world.ask(activator)
    await until(lambda: activator.held_requests(IRIS) == 1)
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    await until(lambda: sidecar.running)
    sidecar.finish()
    assert (await asked).status == 200
    await world.activator_over()


async def test_what_still_waits_near_the_end_is_told_and_what_runs_goes_on(world: World) -> None:
    world.put_revision()
    activator = await world.start_activator(grace_period_s=60.0, refuse_before_end_s=59.9)
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    running, held = world.ask(activator), world.ask(activator)
    await until(lambda: sidecar.running and activator.held_requests(IRIS) == 1)
    activator.stop()
    answer = await held
    assert answer.status == 503
    assert answer.headers[b"inflight-reason"] == b"shutting-down"
    assert int(answer.headers[b"retry-after"]) >= 1
    sidecar.finish()
    assert (await running).status == 200
    await world.activator_over()


async def test_what_runs_at_the_very_end_is_reset(world: World) -> None:
    world.put_revision()
    activator = await world.start_activator(grace_period_s=0.2, refuse_before_end_s=0.1)
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    running = world.ask(activator)
    await until(lambda: sidecar.running)
    activator.stop()
    with pytest.raises(FetchError):
        await running
    world._asking.remove(running)
    await world.activator_over()


async def test_the_time_to_end_can_be_shortened_while_it_ends(world: World) -> None:
    world.put_revision()
    activator = await world.start_activator()
    asked = world.ask(activator)
    await until(lambda: activator.held_requests(IRIS) == 1)
    activator.stop()
    await until(lambda: not activator.ready)
    activator.stop(DrainTimes(hold_s=0.0, grace_s=60.0, quiet_s=0.0))
    assert (await asked).status == 503
    await world.activator_over()


async def test_cancelled_it_answers_what_waits_and_ends_at_once(world: World) -> None:
    world.put_revision()
    activator = await world.start_activator()
    asked = world.ask(activator)
    await until(lambda: activator.held_requests(IRIS) == 1)
    running = world._running.pop()
    running.cancel()
    assert (await asked).status == 503
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_the_cluster_may_change_after_the_end(world: World) -> None:
    world.put_revision()
    await world.start_activator()
    await world.stop()
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    world.cluster.remove_revision(IRIS)
