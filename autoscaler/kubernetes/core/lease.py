"""Who leads: what one replica may conclude from the Lease object.

The holder renews its Lease each 2 s. It leads until 10 s after it *began* its last successful
renewal; others take the Lease over once they have seen it unchanged for 15 s by their own clock. So
clocks of different machines are never compared, and between the end of one leadership and the start
of the next lie 5 s, the time-out of a write that was begun at the last moment.

Worked example: A renews at 0 and is then cut off. A writes nothing from 10 on; what it began before
ends by 15. B last saw a change at 0.1 and takes over at 15.1.
"""

from dataclasses import dataclass

LEASE_DURATION_S = 15.0
RENEW_DEADLINE_S = 10.0
RETRY_PERIOD_S = 2.0


@dataclass(frozen=True, slots=True)
class Observed:
    """The Lease as it was last seen to change."""

    holder: str
    """Empty: nobody holds it."""

    renewed: str
    """The holder's renew time. Only compared with itself: it is of another machine's clock."""

    changed_at: float
    """When this replica first saw it so."""


def observe(before: Observed | None, holder: str, renewed: str, now: float) -> Observed:
    """Return what is known after the Lease was read at `now`."""
    if before is not None and (before.holder, before.renewed) == (holder, renewed):
        return before
    return Observed(holder, renewed, now)


def may_take(observed: Observed, identity: str, now: float) -> bool:
    """Tell whether `identity` may write itself into the Lease: it holds it, or nobody does now."""
    if observed.holder in {"", identity}:
        return True
    return now - observed.changed_at >= LEASE_DURATION_S


def leads(renewal_began_at: float | None, now: float) -> bool:
    """Tell whether the last renewal still stands; None: there was none."""
    return renewal_began_at is not None and now - renewal_began_at < RENEW_DEADLINE_S
