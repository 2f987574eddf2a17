import asyncio
from typing import TYPE_CHECKING

import pytest

from servingkit.core.revision import Address
from servingkit.http1.engine import Engine
from servingkit.http1.pool import IDLE_S, ConnectError, UpstreamPool
from servingkit.http1.wheel import TICK_S, Wheel
from tests.polling import until
from tests.ports import free_port
from tests.servingkit.http1.peers import HOST, Proxy, Recorder, Wire, site, upstream

if TYPE_CHECKING:
    from servingkit.http1.exchange import Exchange

pytestmark = pytest.mark.asyncio

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


async def rest(wire: Wire) -> None:
    await wire.rest()


async def test_newest_connection_is_used_first_and_old_ones_are_closed() -> None:
    async with upstream(rest) as up, asyncio.TaskGroup() as tasks:
        wheel = Wheel()
        pool = UpstreamPool(tasks, wheel)
        old, new = await pool.open(up.address), await pool.open(up.address)
        pool.put(old)
        wheel.tick(wheel.now + IDLE_S / 2)
        pool.put(new)
        assert pool.take(up.address) is new
        pool.put(new)
        wheel.tick(wheel.now + IDLE_S / 2 + TICK_S)
        await until(lambda: up.over == 1)
        assert pool.take(up.address) is new
        assert pool.take(up.address) is None
        new.close()
        await until(lambda: up.over == 2)


@pytest.mark.parametrize(
    ("said_s", "rests_s"), [(None, IDLE_S), (1.5, 0.5), (5.0, 4.0), (3600.0, 60.0)]
)
async def test_connection_rests_no_longer_than_its_upstream_says(
    said_s: float | None, rests_s: float
) -> None:
    async with upstream(rest) as up, asyncio.TaskGroup() as tasks:
        wheel = Wheel()
        pool = UpstreamPool(tasks, wheel)
        connection = await pool.open(up.address)
        connection.idle_s = said_s
        pool.put(connection)
        wheel.tick(wheel.now + rests_s - TICK_S)
        assert pool.take(up.address) is connection
        pool.put(connection)
        wheel.now += rests_s + TICK_S  # no tick has closed it yet
        assert pool.take(up.address) is None
        await until(lambda: up.over == 1)


async def test_connection_whose_upstream_does_not_wait_is_not_kept() -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n")
        await wire.rest()

    async with upstream(serve) as up, site(Proxy(up.address)) as place:
        client = await place.client()
        for _ in range(2):  # the second time its head is known
            await client.send(GET)
            assert (await client.answer()).status == 200
        await until(lambda: up.over == 2)
        assert place.engine.pool.idle_connections == 0


async def test_connection_that_its_upstream_has_closed_leaves_the_pool() -> None:
    async with upstream(rest) as up, Engine() as engine:
        connection = await engine.pool.open(up.address)
        engine.pool.put(connection)
        await until(lambda: up.wires)
        up.wires[0].close()
        await until(lambda: not any(engine.pool._idle.values()))
        assert engine.pool.take(up.address) is None


async def test_connection_that_says_something_unasked_leaves_the_pool_at_once() -> None:
    async with upstream(rest) as up, Engine() as engine:
        connection = await engine.pool.open(up.address)
        engine.pool.put(connection)
        connection.data_received(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        assert engine.pool.take(up.address) is None


async def test_connection_that_rested_is_looked_at_before_its_use() -> None:
    async with upstream(rest) as up, Engine() as engine:
        connection = await engine.pool.open(up.address)
        engine.pool.put(connection)
        await until(lambda: up.wires)
        connection._transport.pause_reading()  # it cannot see that its peer leaves
        up.wires[0].close()
        await until(lambda: up.over == 1 and not connection.usable())
        engine.wheel.now += 2 * TICK_S
        assert engine.pool.take(up.address) is None


async def test_refused_connection_says_where_and_why() -> None:
    address = Address(HOST, free_port())
    async with Engine() as engine:
        with pytest.raises(ConnectError, match=f"{address}: .*refused"):
            await engine.pool.open(address)


async def test_connection_that_came_too_late_serves_the_next_request() -> None:
    held: list[Exchange] = []

    async def serve(wire: Wire) -> None:
        while True:
            await wire.request()
            await wire.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with upstream(serve) as up, site(held.append) as place:
        client = await place.client()
        await client.send(GET)
        await until(lambda: held)
        exchange = held.pop()
        recorder = Recorder(exchange)
        exchange.forward(up.address)
        exchange.answer(503)
        assert recorder.events == ["upstream_done", "ended answered 503"]
        assert (await client.answer()).status == 503
        await until(lambda: any(place.engine.pool._idle.values()))
        await client.send(GET)
        await until(lambda: held)
        recorder = Recorder(held[0])
        held[0].forward(up.address)
        assert held[0]._upstream is not None
        assert held[0]._upstream.reused  # it may have grown old: an idempotent request is retried
        assert (await client.answer()).status == 204
        assert len(up.wires) == 1


async def test_idle_connections_to_one_address_can_be_closed() -> None:
    async with upstream(rest) as one, upstream(rest) as two, Engine() as engine:
        for up in (one, two):
            engine.pool.put(await engine.pool.open(up.address))
        engine.pool.close_idle(one.address)
        await until(lambda: one.over == 1)
        assert engine.pool.take(one.address) is None
        kept = engine.pool.take(two.address)
        assert kept is not None
        kept.close()


async def test_engine_that_ends_while_connecting_leaves_no_connection() -> None:
    async with upstream(rest) as up:
        async with site(Proxy(up.address)) as place:
            client = await place.client()
            await client.send(GET)
            await until(lambda: place.listener._connections.open)
        await until(lambda: up.over == len(up.wires))
