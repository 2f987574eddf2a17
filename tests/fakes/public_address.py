"""What may answer at a revision's public address."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from servingkit.core.revision import Address, RevisionId
from servingkit.http1.core.message import Header
from servingkit.http1.downstream import Service
from servingkit.http1.engine import Engine
from servingkit.http1.exchange import Exchange


@asynccontextmanager
async def listening(service: Service) -> AsyncIterator[Address]:
    async with Engine() as engine:
        listener = await engine.listen(service, "127.0.0.1", 0)
        yield Address("127.0.0.1", listener.port)


def answering(status: int, body: bytes, *headers: Header) -> Service:
    """Return what answers all requests in this way."""

    def answer(exchange: Exchange) -> None:
        exchange.answer(status, headers, body)

    return answer


def activator_of(revision: RevisionId) -> Service:
    """Return what answers probes as an activator does on the revision's port."""
    return answering(200, b"activator", (b"Inflight-Revision", str(revision).encode()))


SIDECAR = answering(400, b"unexpected probe header value: activator\n")
