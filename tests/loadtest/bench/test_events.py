import pytest

from loadtest.bench.connection import free_port, until_ready
from loadtest.bench.events import EVENTS_PER_SECOND, event_source, receive_events

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


async def test_events_reach_all_clients_at_their_pace() -> None:
    async with event_source() as port:
        seen = await receive_events(port, connections=4, seconds=1)
    assert seen.failed == 0
    assert seen.units == pytest.approx(4 * EVENTS_PER_SECOND, rel=0.2)
    assert 0 <= seen.p50_ms <= seen.p99_ms < 500


async def test_source_answers_plain_requests_too() -> None:
    async with event_source() as port:
        await until_ready(port)


async def test_nobody_there_is_an_error() -> None:
    with pytest.raises(OSError, match="refused"):
        await receive_events(free_port(), connections=1, seconds=0.1)
