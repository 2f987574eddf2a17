"""When an activator that was told to end stops holding, and when it is over.

Those who route to it notice a little later than itself that it ends, so for a while requests come
as before; they are held and served. It may go when none has come for a quiet time and none is
under way. If that does not happen, what still waits is told so some time before the end, while
there is time to tell it; what runs by then, long streams above all, has until the very end.

Worked example, a grace period of 600 s, 590 s of holding, 30 s of quiet: the last request comes at
2 s and ends at 5 s, so the activator ends at 32 s. With a stream that never ends, requests that
still wait are refused at 590 s, and the stream is broken off at 600 s.
"""

from dataclasses import dataclass
from enum import Enum


class DrainPhase(Enum):
    """How far a drain has come."""

    HOLDING = "holding"
    """Requests are held and served as ever."""

    REFUSING = "refusing"
    """Who would have to wait is refused; what runs goes on."""

    OVER = "over"
    """Nothing is left to do, or no time to do it in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainTimes:
    """All in seconds, from the order to end."""

    hold_s: float
    """For so long requests may wait for a pod."""

    grace_s: float
    """Then whatever is left is broken off. Not less than `hold_s`."""

    quiet_s: float
    """An earlier end needs so much time without a new request."""


def drain_phase(
    times: DrainTimes, elapsed_s: float, since_last_sign_s: float, requests_under_way: int
) -> DrainPhase:
    """Return what to do now.

    Args:
        times: the settings.
        elapsed_s: since the order to end.
        since_last_sign_s: since the newest request came, or the newest connection on which
            nothing has been asked yet.
        requests_under_way: how many run or wait.
    """
    quiet_s = min(elapsed_s, since_last_sign_s)
    if elapsed_s >= times.grace_s or (requests_under_way == 0 and quiet_s >= times.quiet_s):
        return DrainPhase.OVER
    return DrainPhase.REFUSING if elapsed_s >= times.hold_s else DrainPhase.HOLDING
