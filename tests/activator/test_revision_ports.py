"""A port of its own for each revision."""

import asyncio
import socket

import pytest

from servingkit.core.revision import Address, Revision, RevisionId
from servingkit.http1.client import FetchError
from tests.activator.world import HOST, IRIS, TO_IRIS, World
from tests.polling import until
from tests.ports import free_port

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


async def test_the_port_is_the_name_whatever_the_host_says(world: World) -> None:
    port = free_port()
    world.put_revision(activator_port=port)
    await world.start_activator()
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    asked = asyncio.create_task(world.client.fetch(Address(HOST, port), b"GET", b"/", timeout_s=60))
    await until(lambda: sidecar.running)
    assert sidecar.seen[0][b"host"] == f"{HOST}:{port}".encode()
    sidecar.finish()
    assert (await asked).status == 200


async def test_ports_open_and_close_with_their_revisions(world: World) -> None:
    port, moved = free_port(), free_port()
    activator = await world.start_activator()

    async def answers(port: int) -> bool:
        probe = ((b"K-Network-Probe", b"activator"),)
        try:
            answer = await world.client.fetch(
                Address(HOST, port), b"GET", b"/", probe, timeout_s=60
            )
        except FetchError:
            return False
        return answer.status == 200

    world.put_revision(activator_port=port)
    await until(lambda: port in activator._ports._listeners)
    assert await answers(port)
    world.put_revision(activator_port=moved)
    await until(lambda: moved in activator._ports._listeners)
    assert (await answers(port), await answers(moved)) == (False, True)
    world.cluster.remove_revision(IRIS)
    await until(lambda: not activator._ports._listeners)
    assert not await answers(moved)


async def test_a_port_that_is_taken_is_had_as_soon_as_it_is_free(world: World) -> None:
    taken = socket.create_server((HOST, 0))
    port = taken.getsockname()[1]
    other = free_port()
    activator = await world.start_activator()
    world.put_revision(activator_port=port)
    world.cluster.put_revision(
        Revision(id=RevisionId("default", "other"), uid="2", activator_port=other)
    )
    await until(lambda: set(activator._ports._listeners) == {other})
    taken.close()
    await until(lambda: set(activator._ports._listeners) == {port, other})


async def test_a_body_that_is_too_large_is_refused_on_either_port(world: World) -> None:
    port = free_port()
    world.put_revision(activator_port=port)
    activator = await world.start_activator(body_bytes=8)
    for reached in (activator.port, port):
        address = Address(HOST, reached)
        answer = await world.client.fetch(address, b"POST", b"/", TO_IRIS, b"x" * 9, timeout_s=60)
        assert answer.status == 413
        assert answer.headers[b"inflight-reason"] == b"body-too-large"
    assert activator.held_requests(IRIS) == 0
