"""The decisions of one revision that changed something, and the latest one.

Thirty decisions a minute say mostly the same. Kept are the last few of those that differ from the
one before in what they ask for, in who receives the traffic, or in what held them.
"""

from collections import deque
from typing import Final, NamedTuple

from autoscaler.core.decider import DeciderSpec
from autoscaler.core.reason import explain
from autoscaler.core.scaler import Plan
from autoscaler.core.settings import ScalingSettings

MOST_DECISIONS: Final = 16


class Decided(NamedTuple):
    """One decision, and what it was taken on."""

    plan: Plan
    settings: ScalingSettings
    spec: DeciderSpec
    replicas: int
    """Pods that the cluster was asked for when it was taken."""

    ready_pods: int
    at: float
    """When, on the monotonic clock."""

    at_s: float
    """When, in seconds since 1970 (UTC)."""

    @property
    def reason(self) -> str:
        """The decision in one sentence."""
        return explain(self.settings, self.spec, self.plan, self.at)


class History:
    """The last decisions of a revision."""

    __slots__ = ("_changes", "latest")

    def __init__(self) -> None:
        self._changes: deque[Decided] = deque(maxlen=MOST_DECISIONS)
        self.latest: Decided | None = None

    def __repr__(self) -> str:
        return f"<History of {len(self._changes)} changes>"

    def add(self, decided: Decided) -> bool:
        """Keep a decision, which is the latest now; tell whether it changed something."""
        changed = self.latest is None or _differ(self.latest.plan, decided.plan)
        if changed:
            self._changes.append(decided)
        self.latest = decided
        return changed

    def decisions(self) -> list[Decided]:
        """Return the decisions that changed something, oldest first, and the latest."""
        kept = list(self._changes)
        if self.latest is not None and kept[-1] is not self.latest:
            kept.append(self.latest)
        return kept


def _differ(before: Plan, after: Plan) -> bool:
    return (
        before.desired_pods != after.desired_pods
        or before.mode is not after.mode
        or before.phase is not after.phase
        or before.is_panicking != after.is_panicking
        or before.limits != after.limits
    )
