"""The cluster as the autoscaler sees it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from servingkit.cluster.protocols import (
    Activators,
    Pods,
    PublicEndpoints,
    Revisions,
    RevisionStates,
    Scale,
)
from servingkit.core.revision import RevisionId


async def _nowhere(_revision: RevisionId, _reason: str, _message: str) -> None:
    """Warn nobody besides those who read the log and the event stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The six seams, all of one cluster."""

    revisions: Revisions
    pods: Pods
    scale: Scale
    public_endpoints: PublicEndpoints
    activators: Activators
    states: RevisionStates
    leads: Callable[[], bool] = lambda: True
    """Whether this autoscaler is the one that writes; the others only keep themselves informed."""

    warn: Callable[[RevisionId, str, str], Awaitable[None]] = _nowhere
    """Tells whoever looks at a revision what a person should mend: a reason in one word, and a
    sentence. Said again it changes nothing. Does not raise."""
