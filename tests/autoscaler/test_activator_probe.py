"""What a revision's public address may answer; kube-proxy is that of `inflight local`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from activator.app import Activator
from autoscaler.activator_probe import ActivatorProbe
from inflight.local.public_endpoint import PublicEndpoint
from servingkit.core.revision import Address, Revision, RevisionId
from servingkit.http1.client import HttpClient
from servingkit.http1.engine import Engine
from tests.activator.world import HOST, World
from tests.fakes.cluster import FakeCluster
from tests.fakes.public_address import SIDECAR, answering, listening
from tests.ports import free_port

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

IRIS = RevisionId("default", "iris")
OTHER = RevisionId("default", "other")


@asynccontextmanager
async def probing(address: Address | None) -> AsyncIterator[ActivatorProbe]:
    cluster = FakeCluster()
    if address is not None:
        cluster.public_addresses[IRIS] = address
    async with Engine() as engine:
        yield ActivatorProbe(HttpClient(engine), cluster)


@asynccontextmanager
async def activator_with_ports() -> AsyncIterator[tuple[Activator, dict[RevisionId, int]]]:
    """An activator that has a port for each of two revisions."""
    async with Engine() as inside, Engine() as outside:
        world = World(inside, outside)
        ports = {IRIS: free_port(), OTHER: free_port()}
        for revision, port in ports.items():
            made = Revision(id=revision, uid=str(revision), annotations={}, activator_port=port)
            world.cluster.put_revision(made)
        yield await world.start_activator(), ports
        await world.stop()


async def test_an_activator_answers_for_the_revision_whose_port_it_is() -> None:
    async with activator_with_ports() as (_, ports):
        async with probing(Address(HOST, ports[IRIS])) as probe:
            assert await probe.ask(IRIS) is None
        async with probing(Address(HOST, ports[OTHER])) as probe:
            problem = await probe.ask(IRIS)
        assert problem == (f"{HOST}:{ports[OTHER]} answered 200, an activator for default/other")


async def test_the_port_that_all_revisions_share_proves_nothing() -> None:
    async with activator_with_ports() as (activator, _):
        address = Address(HOST, activator.port)
        async with probing(address) as probe:
            problem = await probe.ask(IRIS)
        assert problem == f"{address} answered 200, an activator for no revision"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(400, b"unexpected probe header value: activator\n", id="a sidecar"),
        pytest.param(503, b"shutting down\n", id="a sidecar that ends"),
        pytest.param(200, b"queue", id="a sidecar that takes it for another probe"),
        pytest.param(200, b"<html>", id="a model"),
        pytest.param(404, b"activator", id="a model that echoes"),
    ],
)
async def test_whoever_else_answers_is_no_activator(status: int, body: bytes) -> None:
    async with listening(answering(status, body)) as address, probing(address) as probe:
        assert await probe.ask(IRIS) == f"{address} answered {status}, not an activator"


async def test_no_answer_is_said() -> None:
    address = Address(HOST, free_port())
    async with probing(address) as probe:
        problem = await probe.ask(IRIS)
    assert problem is not None
    assert problem.startswith(f"{address} gave no answer (connect: ")
    async with probing(None) as probe:
        assert await probe.ask(IRIS) == "it has no public address yet"


async def test_who_takes_connections_and_says_nothing_is_waited_for_a_second() -> None:
    async with listening(lambda _: None) as address, probing(address) as probe:
        problem = await probe.ask(IRIS)
    said = f"timeout: no answer from {address} within 1 s"
    assert problem == f"{address} gave no answer ({said})"


async def test_each_question_goes_where_new_clients_go() -> None:
    async with (
        activator_with_ports() as (_, ports),
        listening(SIDECAR) as sidecar,
        asyncio.TaskGroup() as connects,
    ):
        activator = Address(HOST, ports[IRIS])
        endpoint = PublicEndpoint([sidecar], lag_s=0.0)
        public = Address(HOST, await endpoint.serve(Address(HOST, 0), connects))
        async with probing(public) as probe:
            answers = []
            for backend in (sidecar, activator, sidecar, activator):
                endpoint.follow([backend])
                answers.append(await probe.ask(IRIS) is None)
        endpoint.stop_accepting()
        endpoint.reset_all()
    assert answers == [False, True, False, True]
