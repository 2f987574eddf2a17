"""An answer that a proxy gives by itself: status, reason for machines, text for people.

Each program keeps one table from its causes to these. The reasons are listed in docs/wire.md; a
client that sees 429 must wait its turn, one that sees 503 found no pod that can serve.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from servingkit.http1.core.message import Header
from servingkit.http1.exchange import Exchange

REASON_HEADER: Final = b"Inflight-Reason"

_TEXT: Final = (b"Content-Type", b"text/plain; charset=utf-8")


class Refusal(NamedTuple):
    """What a client is told. `retry_after_s`: 0 gives no advice."""

    status: int
    reason: bytes
    text: bytes
    retry_after_s: int = 0


def refuse(exchange: Exchange, refusal: Refusal, added: Sequence[Header] = ()) -> None:
    """Answer `exchange`, with these fields added; no effect when its answer has begun."""
    headers = [_TEXT, (REASON_HEADER, refusal.reason), *added]
    if refusal.retry_after_s:
        headers.append((b"Retry-After", b"%d" % refusal.retry_after_s))
    exchange.answer(refusal.status, headers, refusal.text)
