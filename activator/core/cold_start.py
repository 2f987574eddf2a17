"""How long each phase of a cold start took, from the first held request to the first answer.

The marks of a pod's life come from the cluster, which may not know all of them, and from other
clocks than ours. So the phases follow each other without gaps: one whose end is unknown is counted
with the next, and none is negative.

Worked example: a request is held at 10.0, the pod is made at 10.2, has a node at 10.3 and answers
our probe at 12.5, and nobody knows when its containers were started: scale 0.2, schedule 0.1,
probe 2.2.
"""

from enum import Enum
from typing import NamedTuple

from activator.core.pod_tracker import PodTracker


class Phase(Enum):
    """What is waited for, in order."""

    SCALE = "scale"
    """From the first held request until the pod exists: the decision, and its way."""

    SCHEDULE = "schedule"
    """Until the pod has a node."""

    START = "start"
    """Until its containers were started: images are pulled here."""

    PROBE = "probe"
    """Until it answers a probe: the model is loaded here."""

    FIRST_BYTE = "first-byte"
    """Until the first byte of the first answer."""


class PhaseTime(NamedTuple):
    """A phase and its seconds."""

    phase: Phase
    seconds: float


class ColdStart:
    """One time without a pod, from the first request that had to wait."""

    __slots__ = ("began_at", "first_byte_at", "phases", "phases_told", "ready_at")

    def __init__(self, began_at: float) -> None:
        self.began_at = began_at
        self.ready_at: float | None = None
        self.first_byte_at: float | None = None
        self.phases: tuple[PhaseTime, ...] = ()
        self.phases_told = b""
        """The phases as `server_timing` says them, each with a comma after it."""

    def __repr__(self) -> str:
        return f"<ColdStart began {self.began_at:.3f}, {len(self.phases)} phases known>"

    def pod_serves(self, pod: PodTracker, now: float) -> None:
        """Note the pod that ended it."""
        self.ready_at = now
        marks = (
            (Phase.SCALE, pod.created_at),
            (Phase.SCHEDULE, pod.scheduled_at),
            (Phase.START, pod.started_at),
            (Phase.PROBE, now),
        )
        phases = []
        since = self.began_at
        for phase, mark in marks:
            if mark is not None:
                until = min(max(mark, since), now)
                phases.append(PhaseTime(phase, until - since))
                since = until
        self.phases = tuple(phases)
        self.phases_told = b"".join(_told(phase.value, time_s) + b", " for phase, time_s in phases)

    def answer_began(self, now: float) -> PhaseTime | None:
        """Note the first byte of an answer; return the last phase if this was the first."""
        if self.ready_at is None or self.first_byte_at is not None:
            return None
        self.first_byte_at = now
        return PhaseTime(Phase.FIRST_BYTE, now - self.ready_at)


def server_timing(cold_start: ColdStart | None, held_s: float, first_byte_s: float) -> bytes:
    """Return the value of a `Server-Timing` header (milliseconds) for a request that was held.

    Args:
        cold_start: the one that it was held by. None: pods served, and it waited for a slot.
        held_s: time that it waited.
        first_byte_s: time from going to its pod to the first byte of the answer.
    """
    phases = b"" if cold_start is None else cold_start.phases_told
    held, first_byte = _told("held", held_s), _told(Phase.FIRST_BYTE.value, first_byte_s)
    return b"%b, %b%b" % (held, phases, first_byte)


def _told(name: str, seconds: float) -> bytes:
    return b"%b;dur=%.1f" % (name.encode(), seconds * 1000)
