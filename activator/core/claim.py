"""What a request claims while it waits: how urgent it is, whose it is, how much memory it takes."""

from typing import Final, NamedTuple

from activator.core.admission_settings import OTHERS, AdmissionSettings
from servingkit.http1.core.message import CHUNKED, RequestHead

PRIORITY_HEADER: Final = b"inflight-priority"

MOST_HELD_BODY_BYTES: Final = 65_536
"""Of a body that has to wait at most one read of the engine is kept; the rest stays away."""

_REQUEST_BYTES: Final = 2_048
"""What a held request takes besides its head and body: objects, and buffers of its connection."""


class Claim(NamedTuple):
    """One request's place among those that wait. The defaults are a request without a claim."""

    level: int = 0
    """Priority; 0 goes first."""

    tenant: bytes = b""
    weight: int = 1
    """Turns of the tenant in one round."""

    held_bytes: int = 0
    """Memory that is reserved for it while it waits."""

    priority: bytes = b""
    """The name of the level, for metrics."""


def claim_of(head: RequestHead, settings: AdmissionSettings) -> Claim:
    """Return what a request claims by its head, within what its tenant may claim."""
    fields = head.fields
    tenant = fields.get(settings.tenant_header, b"") if settings.tenant_header else b""
    priority = _priority(fields.get(PRIORITY_HEADER, b""), tenant, settings)
    return Claim(
        level=settings.priorities.get(priority, 0),
        tenant=tenant,
        weight=settings.tenant_weights.get(tenant, 1),
        held_bytes=_held_bytes(head),
        priority=priority,
    )


def _priority(asked: bytes, tenant: bytes, settings: AdmissionSettings) -> bytes:
    levels = settings.priorities
    if not levels:
        return b""
    priority = asked if asked in levels else settings.default_priority
    caps = settings.priority_caps
    cap = caps.get(tenant, caps.get(OTHERS.encode()))
    return cap if cap is not None and levels[priority] < levels[cap] else priority


def _held_bytes(head: RequestHead) -> int:
    body_length = head.body_length
    if body_length == CHUNKED or body_length > MOST_HELD_BODY_BYTES:
        body_length = MOST_HELD_BODY_BYTES
    return (
        _REQUEST_BYTES + body_length + sum(len(name) + len(value) for name, value in head.headers)
    )
