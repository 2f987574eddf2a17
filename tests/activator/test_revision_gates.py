"""Gates follow the cluster."""

import pytest

from servingkit.core.revision import Revision, RevisionId
from tests.activator.world import IRIS, World
from tests.polling import until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


async def test_revisions_are_found_as_they_come(world: World) -> None:
    activator = await world.start_activator()
    other = RevisionId("default", "other")

    async def status_of(name: bytes) -> int:
        headers = ((b"Knative-Serving-Namespace", b"default"), (b"Knative-Serving-Revision", name))
        asked = world.ask(activator, headers=headers)
        revision = RevisionId("default", name.decode())
        await until(lambda: asked.done() or activator.held_requests(revision) == 1)
        return (await asked).status if asked.done() else 0

    assert await status_of(b"iris") == 404
    world.put_revision()
    assert await status_of(b"iris") == 0
    world.cluster.put_revision(Revision(id=other, uid="2"))
    assert await status_of(b"other") == 0
    assert (activator.held_requests(IRIS), activator.held_requests(other)) == (1, 1)


async def test_a_changed_time_limit_holds_for_later_requests(world: World) -> None:
    world.put_revision()
    activator = await world.start_activator()
    early = world.ask(activator)
    await until(lambda: activator.held_requests(IRIS) == 1)
    world.put_revision(timeout_s=0.1)
    assert (await world.ask(activator)).status == 504
    assert not early.done()


async def test_pods_that_were_there_before_the_activator_are_used(world: World) -> None:
    world.put_revision()
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    activator = await world.start_activator()
    world.send(activator)
    await until(lambda: sidecar.running)


async def test_a_changed_concurrency_holds_for_pods_yet_to_come(world: World) -> None:
    world.put_revision(container_concurrency=1)
    activator = await world.start_activator()
    world.put_revision(container_concurrency=5)
    gate = activator._gates.get(IRIS)
    assert gate is not None
    sidecar = await world.start_sidecar(container_concurrency=5)
    sidecar.ready = False
    world.put_pods(sidecar)
    assert [pod.container_concurrency for pod in gate.throttler.pods] == [5]
