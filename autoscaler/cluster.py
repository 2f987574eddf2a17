"""The cluster as the autoscaler sees it."""

from collections.abc import Callable
from dataclasses import dataclass

from servingkit.cluster.protocols import (
    Activators,
    Pods,
    PublicEndpoints,
    Revisions,
    RevisionStates,
    Scale,
)


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
