"""The time limits of an exchange."""

import asyncio

import pytest

from servingkit.core.revision import Address
from servingkit.http1.downstream import ServerLimits
from servingkit.http1.exchange import Exchange
from servingkit.http1.watcher import TimeLimits
from tests.polling import until
from tests.servingkit.http1.peers import Proxy, Wire, site, upstream
from tests.servingkit.http1.scripts import GET, silence

pytestmark = pytest.mark.asyncio


class Limited(Proxy):
    """Forwards under time limits."""

    def __init__(self, address: Address, limits: TimeLimits) -> None:
        super().__init__(address)
        self.limits = limits

    def __call__(self, exchange: Exchange) -> None:
        super().__call__(exchange)
        exchange.limit_time(self.limits)


@pytest.mark.parametrize(
    "limits",
    [
        TimeLimits(max_duration_s=0.2),
        TimeLimits(response_start_s=0.2),
        TimeLimits(idle_s=0.2),
    ],
)
async def test_upstream_that_is_silent_for_too_long_is_given_up(limits: TimeLimits) -> None:
    async with upstream(silence) as up, site(proxy := Limited(up.address, limits)) as place:
        client = await place.client()
        await client.send(GET)
        assert (await client.answer()).status == 504
        assert proxy.events == ["timed_out", "upstream_done", "ended answered 504"]
        await until(lambda: up.over == 1)


async def drip_without_end(wire: Wire) -> None:
    await wire.request()
    await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await wire.send(b"1\r\na\r\n")
        await asyncio.sleep(0.06)


async def drip_for_more_than_a_second(wire: Wire) -> None:
    await wire.request()
    await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(12):
        await wire.send(b"1\r\na\r\n")
        await asyncio.sleep(0.1)
    await wire.send(b"0\r\n\r\n")
    await wire.rest()


@pytest.mark.parametrize("limits", [TimeLimits(max_duration_s=0.3), TimeLimits(0.3, 0.3, 0.3)])
async def test_answer_that_takes_too_long_is_reset(limits: TimeLimits) -> None:
    answers = upstream(drip_without_end)
    async with answers as up, site(proxy := Limited(up.address, limits)) as place:
        client = await place.client()
        await client.send(GET)
        with pytest.raises(ConnectionResetError):
            await client.rest()
        assert proxy.events[1:] == ["upstream_done", "ended timed-out 200"]
        await until(lambda: up.over == 1)


@pytest.mark.parametrize("limits", [TimeLimits(response_start_s=1.0), TimeLimits(idle_s=1.0)])
async def test_answer_that_goes_on_is_not_cut(limits: TimeLimits) -> None:
    answers = upstream(drip_for_more_than_a_second)
    async with answers as up, site(Limited(up.address, limits)) as place:
        client = await place.client()
        await client.send(GET)
        assert (await client.answer()).body == b"a" * 12


async def test_abort_resets_the_client_and_tells_the_watcher() -> None:
    async with upstream(silence) as up, site(proxy := Proxy(up.address)) as place:
        client = await place.client()
        await client.send(GET)
        await until(lambda: up.wires)
        proxy.seen[0].exchange.abort()
        assert proxy.events == ["upstream_done", "ended stopped 0"]
        with pytest.raises(ConnectionResetError):
            await client.rest()
        await until(lambda: up.over == 1)


async def test_stalled_client_frees_its_upstream() -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await wire.send(b"10000\r\n" + bytes(65_536) + b"\r\n")

    limits = ServerLimits(stalled_s=0.3)
    async with upstream(serve) as up, site(proxy := Proxy(up.address), limits) as place:
        client = await place.client()
        await client.send(GET)
        await client.until(b"\r\n\r\n")
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await until(lambda: up.over == 1)
        assert proxy.events[1:] == ["upstream_done", "ended client-gone 200"]
