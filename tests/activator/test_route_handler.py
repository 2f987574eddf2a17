"""Routes and mirrors on real sockets."""

import asyncio
from collections import Counter

import pytest

from activator.app import Activator
from activator.mirror import MOST_AT_ONCE
from servingkit.core.revision import Address, Revision, RevisionId
from servingkit.core.route import Backend, Mirror, Route, RouteId
from servingkit.http1.core.message import Header
from tests.activator.world import HOST, TO_IRIS, FakeSidecar, World
from tests.fakes.cluster import pod
from tests.polling import until
from tests.servingkit.http1.peers import Wire, upstream

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

OLD, NEW = RevisionId("default", "iris-1"), RevisionId("default", "iris-2")
TO_ROUTE: tuple[Header, ...] = ((b"Host", b"iris.example.com"),)


async def start_revision(world: World, revision: RevisionId, limit: int = 0) -> FakeSidecar:
    """Run a revision of one pod."""
    world.cluster.put_revision(Revision(id=revision, uid="1", container_concurrency=limit))
    sidecar = await world.start_sidecar(revision.name, limit)
    world.cluster.put_pods(revision, pod(revision.name, serving=sidecar.address))
    return sidecar


def route(
    old: int, new: int, *, mirror: Mirror | None = None, name: str = "iris", path: str = "/"
) -> Route:
    return Route(
        id=RouteId("default", name),
        hosts=("iris.example.com",),
        path_prefix=path,
        backends=(Backend(revision=OLD, weight=old), Backend(revision=NEW, weight=new, tag="new")),
        mirror=mirror,
    )


async def finish(sidecar: FakeSidecar) -> None:
    """Have the model answer the next request."""
    await until(lambda: sidecar.running)
    sidecar.finish()


async def metric(world: World, activator: Activator, name: str, *values: str) -> float:
    address = Address(HOST, activator.metrics_port)
    page = await world.client.fetch(address, b"GET", b"/metrics", timeout_s=60)
    for line in page.body.decode().splitlines():
        if line.startswith(name) and all(f'"{value}"' in line for value in values):
            return float(line.rpartition(" ")[2])
    return 0.0


async def test_requests_go_where_the_weights_say_and_are_counted(world: World) -> None:
    old, new = await start_revision(world, OLD), await start_revision(world, NEW)
    world.cluster.put_routes(route(0, 100))
    activator = await world.start_activator()
    asked = world.ask(activator, headers=TO_ROUTE)
    await finish(new)
    assert (await asked).body == b"iris-2"
    world.cluster.put_routes(route(100, 0))
    asked = world.ask(activator, headers=TO_ROUTE)
    await finish(old)
    assert (await asked).body == b"iris-1"
    name = "inflight_activator_route_requests_total"
    assert await metric(world, activator, name, "default", "iris", "iris-1") == 1
    assert await metric(world, activator, name, "default", "iris", "iris-2") == 1


async def test_a_tag_header_chooses_and_revision_headers_come_before_routes(world: World) -> None:
    await start_revision(world, OLD)
    new = await start_revision(world, NEW)
    world.cluster.put_routes(route(100, 0))
    activator = await world.start_activator()
    tagged = world.ask(activator, headers=(*TO_ROUTE, (b"Inflight-Tag", b"new")))
    await finish(new)
    assert (await tagged).body == b"iris-2"
    named = (*TO_ROUTE, TO_IRIS[0], (b"Knative-Serving-Revision", b"iris-2"))
    asked = world.ask(activator, headers=named)
    await finish(new)
    assert (await asked).body == b"iris-2"


@pytest.mark.parametrize(
    ("trusted", "headers"),
    [
        pytest.param("", (TO_IRIS[0], (b"Knative-Serving-Revision", b"iris-2")), id="a stranger's"),
        pytest.param("127.0.0.0/8", ((b"Knative-Serving-Revision", b"iris-2"),), id="one alone"),
    ],
)
async def test_headers_that_name_no_revision_take_nobody_off_the_route(
    world: World, trusted: str, headers: tuple[Header, ...]
) -> None:
    old = await start_revision(world, OLD)
    await start_revision(world, NEW)
    world.cluster.put_routes(route(100, 0))
    activator = await world.start_activator(trusted=trusted)
    asked = world.ask(activator, headers=(*TO_ROUTE, *headers))
    await finish(old)
    assert (await asked).body == b"iris-1"


async def test_a_canary_at_zero_is_woken_and_its_requests_are_held(world: World) -> None:
    world.cluster.put_revision(Revision(id=NEW, uid="1"))
    world.cluster.put_routes(route(0, 100))
    activator = await world.start_activator()
    asked = world.ask(activator, headers=TO_ROUTE)
    await until(lambda: activator.held_requests(NEW) == 1)
    assert activator._reporter.concurrency(NEW) == 1  # what the autoscaler is told
    sidecar = await world.start_sidecar("iris-2", 0)
    world.cluster.put_pods(NEW, pod("iris-2", serving=sidecar.address))
    await finish(sidecar)
    assert (await asked).status == 200


async def test_a_changed_route_takes_no_request_away_from_where_it_is(world: World) -> None:
    old, new = await start_revision(world, OLD, 1), await start_revision(world, NEW, 1)
    world.cluster.put_routes(route(100, 0))
    activator = await world.start_activator()
    before = [world.ask(activator, headers=TO_ROUTE) for _ in range(2)]  # one runs, one waits
    await until(lambda: old.running and activator.held_requests(OLD) == 1)
    world.cluster.put_routes(route(0, 100))
    after = world.ask(activator, headers=TO_ROUTE)
    await finish(new)
    assert (await after).body == b"iris-2"
    await finish(old)
    await finish(old)
    assert [(await asked).body for asked in before] == [b"iris-1"] * 2


async def test_a_route_to_nobody_is_an_unknown_revision_until_there_is_one(world: World) -> None:
    world.cluster.put_routes(route(50, 50))
    activator = await world.start_activator()
    answer = await world.ask(activator, headers=TO_ROUTE)
    assert answer.status == 404
    assert answer.headers[b"inflight-reason"] == b"unknown-revision"
    new = await start_revision(world, NEW)
    for _ in range(3):
        asked = world.ask(activator, headers=TO_ROUTE)
        await finish(new)
        assert (await asked).status == 200


async def test_probes_are_answered_and_no_routes_business(world: World) -> None:
    await start_revision(world, OLD)
    world.cluster.put_routes(route(100, 0))
    activator = await world.start_activator()
    probe = (*TO_ROUTE, (b"K-Network-Probe", b"activator"))
    assert (await world.ask(activator, headers=probe)).body == b"activator"
    assert not activator._router.requests  # type: ignore[union-attr]


# --- mirrors --------------------------------------------------------------------------------------

MIRRORED = Mirror(revision=NEW, percent=100)
OUTCOMES = "inflight_activator_mirrored_requests_total"


async def test_a_mirror_gets_the_same_request_and_its_answer_goes_nowhere(world: World) -> None:
    old, new = await start_revision(world, OLD), await start_revision(world, NEW)
    world.cluster.put_routes(route(100, 0, mirror=MIRRORED))
    activator = await world.start_activator()
    headers = (*TO_ROUTE, (b"X-User", b"me"), (b"Inflight-Mirror", b"client"))
    asked = world.ask(activator, b"POST", b"x" * 30_000, headers)
    await until(lambda: old.running and new.running)
    await until(lambda: new.running[0].request_bytes == 30_000)
    (copy,) = new.seen
    assert copy[b"x-user"] == b"me"
    assert copy[b"host"] == b"iris.example.com"
    assert copy[b"inflight-mirror"] == b"true"
    assert b"inflight-mirror" not in old.seen[0]
    new.running[0].answer(500, (), b"from the mirror")
    old.finish()
    answer = await asked
    assert (answer.status, answer.body) == (200, b"iris-1")
    assert await metric(world, activator, OUTCOMES, "iris-2", "answered") == 1


async def test_a_copy_counts_no_hop_of_its_own(world: World) -> None:
    old, new = await start_revision(world, OLD), await start_revision(world, NEW)
    world.cluster.put_routes(route(100, 0, mirror=MIRRORED))
    activator = await world.start_activator()
    asked = world.ask(activator, b"OPTIONS", headers=(*TO_ROUTE, (b"Max-Forwards", b"2")))
    await finish(new)
    await finish(old)
    assert (await asked).status == 200
    # Each is as the sidecar has counted it: once by the activator, and once more there.
    assert old.seen[0][b"max-forwards"] == new.seen[0][b"max-forwards"] == b"0"


async def test_a_mirror_at_zero_is_woken_and_delays_nobody(world: World) -> None:
    old = await start_revision(world, OLD)
    world.cluster.put_revision(Revision(id=NEW, uid="1"))
    world.cluster.put_routes(route(100, 0, mirror=MIRRORED))
    activator = await world.start_activator()
    asked = world.ask(activator, b"POST", b"body", TO_ROUTE)
    await finish(old)
    assert (await asked).status == 200
    assert activator.held_requests(NEW) == 1
    sidecar = await world.start_sidecar("iris-2", 0)
    world.cluster.put_pods(NEW, pod("iris-2", serving=sidecar.address))
    await finish(sidecar)
    assert sidecar.seen[0][b"content-length"] == b"4"


async def test_a_mirror_that_falls_behind_is_given_up_and_the_original_is_whole(
    world: World,
) -> None:
    async def count_body(wire: Wire) -> None:
        size = b"%d" % len((await wire.request()).body)
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(size), size))

    world.cluster.put_revision(Revision(id=OLD, uid="1"))
    world.cluster.put_revision(Revision(id=NEW, uid="1"))  # no pod: nothing takes the copy's body
    world.cluster.put_routes(route(100, 0, mirror=MIRRORED))
    activator = await world.start_activator()
    async with upstream(count_body) as model:
        world.cluster.put_pods(OLD, pod("iris-1", serving=model.address))
        answer = await world.ask(activator, b"POST", b"x" * 1_000_000, TO_ROUTE)
    assert (answer.status, answer.body) == (200, b"1000000")
    assert activator.held_requests(NEW) == 0
    assert activator._reporter.concurrency(NEW) == 0
    assert await metric(world, activator, OUTCOMES, "iris-2", "given-up") == 1


async def test_a_client_that_leaves_in_the_middle_of_its_body_ends_the_copy(world: World) -> None:
    old, new = await start_revision(world, OLD), await start_revision(world, NEW)
    world.cluster.put_routes(route(100, 0, mirror=MIRRORED))
    activator = await world.start_activator()
    _, writer = await asyncio.open_connection(HOST, activator.port)
    writer.write(b"POST / HTTP/1.1\r\nHost: iris.example.com\r\nContent-Length: 9\r\n\r\nhalf")
    await until(lambda: old.running and new.running)
    writer.transport.abort()
    await until(lambda: not old.running and not new.running)
    assert await metric(world, activator, OUTCOMES, "iris-2", "given-up") == 1


async def test_a_mirror_that_cannot_be_reached_is_counted_and_hurts_nobody(world: World) -> None:
    old, new = await start_revision(world, OLD), await start_revision(world, NEW)
    world.cluster.put_routes(route(100, 0, mirror=MIRRORED))
    activator = await world.start_activator()
    asked = world.ask(activator, b"POST", b"x", TO_ROUTE)
    await until(lambda: old.running and new.running)
    new.running[0].abort()  # the mirror's pod breaks off
    old.finish()
    assert (await asked).status == 200
    await until(lambda: activator._reporter.concurrency(NEW) == 0)


async def test_only_so_many_copies_are_under_way(world: World) -> None:
    old, new = await start_revision(world, OLD), await start_revision(world, NEW)
    world.cluster.put_routes(route(100, 0, mirror=MIRRORED))
    activator = await world.start_activator()
    asked = [world.ask(activator, headers=TO_ROUTE) for _ in range(MOST_AT_ONCE + 20)]
    await until(lambda: len(old.running) == MOST_AT_ONCE + 20)
    await until(lambda: len(new.running) == MOST_AT_ONCE)
    old.finish(len(asked))
    assert Counter([(await one).status for one in asked]) == {200: len(asked)}
    assert await metric(world, activator, OUTCOMES, "iris-2", "skipped") == 20
    new.finish(MOST_AT_ONCE)
    await until(lambda: activator._reporter.concurrency(NEW) == 0)
    assert await metric(world, activator, OUTCOMES, "iris-2", "answered") == MOST_AT_ONCE
