"""The table of hostile requests through activator and sidecar as they are."""

import pytest

from tests.integration.activator_before import activator_before
from tests.integration.programs import sidecar
from tests.servingkit.http1.hostile import HOSTILE, LAST, Case
from tests.servingkit.http1.peers import Asked, connect, upstream
from tests.servingkit.http1.strict_upstream import StrictUpstream, joined

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

PATIENT = 408
"""Refused only after a minute: not waited for here."""

NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"


async def statuses(case: Case, port: int) -> list[int]:
    """Return the statuses that a client gets, and see that its connection ends as it should."""
    client = await connect(port)
    await client.send(case.raw)
    ends = bool(case.refused or case.closes)
    found = [(await client.answer()).status for _ in range(len(case.passes) + bool(case.refused))]
    if ends:
        assert await client.rest() == b""
    else:
        await client.send(NEXT)
        found.append((await client.answer()).status)
    await client.abandon()
    return found


def check_requests(requests: list[Asked], passes: list[bytes]) -> None:
    assert len(requests) == len(passes)
    for request, raw in zip(requests, passes, strict=True):
        assert [request.method, request.target] == raw.split(b" ")[:2]
        assert request.body == joined(raw).partition(b"\r\n\r\n")[2].removesuffix(LAST)


async def test_model_behind_both_proxies_sees_what_passes_and_no_other_request() -> None:
    strict = StrictUpstream()
    async with upstream(strict.serve) as model:
        with sidecar(model.address.port, container_concurrency=10) as proxy:
            async with activator_before(proxy) as address:
                for case in (case for case in HOSTILE.values() if case.refused != PATIENT):
                    before = len(strict.requests)
                    stays = not (case.refused or case.closes)
                    refused = [case.refused] if case.refused else []
                    passes = [*case.passes, *([NEXT] if stays else [])]
                    assert await statuses(case, address.port) == [200] * len(passes) + refused, case
                    assert strict.complaints == [], case
                    check_requests(strict.requests[before:], passes)
