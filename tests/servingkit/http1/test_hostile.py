import asyncio

import pytest

from servingkit.http1.downstream import ServerLimits
from tests.servingkit.http1.hostile import HOSTILE, Case
from tests.servingkit.http1.peers import Wire
from tests.servingkit.http1.strict_upstream import StrictUpstream, joined, proxies_before

pytestmark = pytest.mark.asyncio

NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"


def limits_for(case: Case) -> ServerLimits:
    """Return little patience where it is what is tried, and enough for a busy machine elsewhere."""
    return ServerLimits(head_s=0.3, stalled_s=0.1) if case.refused == 408 else ServerLimits()


async def check_answers(case: Case, client: Wire) -> None:
    """See that the client gets what `case` says, no more, and that its connection is as it says."""
    for _ in case.passes:
        assert (await client.answer()).status == 200
    if case.refused:
        answer = await client.answer()
        assert (answer.status, answer.header(b"connection")) == (case.refused, b"close")
    if case.refused or case.closes:
        assert await client.rest() == b""
    else:
        await client.send(NEXT)
        assert (await client.answer()).status == 200


def check_upstream(case: Case, upstream: StrictUpstream) -> None:
    stays = not (case.refused or case.closes)
    assert upstream.complaints == []
    seen = [*case.passes, *([NEXT] if stays else [])]
    assert [*map(joined, upstream.raw)] == [*map(joined, seen)]
    begins = joined(case.begins)
    assert all(begins.startswith(joined(part)) for part in upstream.partial)


ALL = pytest.mark.parametrize("case", HOSTILE.values(), ids=HOSTILE.keys())


@ALL
@pytest.mark.parametrize("hops", [1, 2])
async def test_odd_request_has_its_outcome(case: Case, hops: int) -> None:
    strict = StrictUpstream()
    async with proxies_before(strict.serve, hops, limits_for(case)) as place:
        client = await place.client()
        await client.send(case.raw)
        await check_answers(case, client)
    check_upstream(case, strict)


@ALL
async def test_odd_request_has_the_same_outcome_in_small_pieces(case: Case) -> None:
    strict = StrictUpstream()
    size = max(1, len(case.raw) // 50)
    async with proxies_before(strict.serve, 2, limits_for(case)) as place:
        client = await place.client()
        for at in range(0, len(case.raw), size):
            client.writer.write(case.raw[at : at + size])
            await asyncio.sleep(0)
        await check_answers(case, client)
    check_upstream(case, strict)
