"""What must outlive the autoscaler: a few facts about each revision that the cluster keeps for it.

A new autoscaler process, or a new leader, reads them once for each revision that it begins to
scale. They are written on transitions only: when one of them changes, never on each decision.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionState:
    """The facts. Instants are seconds since 1970 (UTC): a monotonic clock ends with its process."""

    initialised: bool
    """Whether the initial scale was reached, or given up; it applies once."""

    inactive_since_s: float | None
    """Since when nothing is wanted of the revision. None: it is wanted."""

    desired_pods: int
    """The last decision; the rest of it is for people."""

    decided_at_s: float
    """When that number of pods was first decided on."""

    reason: str
    """Why, in one sentence."""
