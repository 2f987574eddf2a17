"""Seven seams between the programs and whatever runs the pods.

Each has two real sides: Kubernetes, and the local cluster of `inflight local`. Reads are plain
calls on a cache that the side keeps true, so that a request path or a tick never waits for the
cluster; changes are announced by a callback on the event loop, after the cache shows them. Writes
are coroutines and may fail with `ClusterError`.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from servingkit.core.revision import Address, Mode, Pod, Revision, RevisionId
from servingkit.core.revision_state import RevisionState
from servingkit.core.route import Route

OnChange = Callable[[RevisionId], None]
"""Told which revision changed: made, altered or gone. Must not raise and must not wait."""

OnRoutesChange = Callable[[], None]
"""Told that some route changed. Must not raise and must not wait."""


class ClusterError(Exception):
    """The cluster could not be read or written; it may work again later."""


class Revisions(Protocol):
    """Which revisions there are, with their settings."""

    def revisions(self) -> Mapping[RevisionId, Revision]:
        """Return the present revisions; the mapping never changes after it was returned."""
        ...

    def on_revision_change(self, callback: OnChange) -> None:
        """Call back at each change, and once for each revision already there."""
        ...


class Pods(Protocol):
    """Where a revision's pods are, and in what state."""

    def pods(self, revision: RevisionId) -> tuple[Pod, ...]:
        """Return the pods of a revision, oldest first; empty for an unknown revision."""
        ...

    def on_pods_change(self, callback: OnChange) -> None:
        """Call back when a revision's pods or their states changed."""
        ...


class Routes(Protocol):
    """Which names lead to which revisions, besides the names that each revision has of its own."""

    def routes(self) -> tuple[Route, ...]:
        """Return the present routes."""
        ...

    def on_routes_change(self, callback: OnRoutesChange) -> None:
        """Call back when any route changed."""
        ...


class Scale(Protocol):
    """How many pods a revision is asked to have."""

    async def get_scale(self, revision: RevisionId) -> int:
        """Return the replicas asked for now. Raises ClusterError."""
        ...

    async def set_scale(self, revision: RevisionId, replicas: int) -> None:
        """Ask for `replicas` pods, 0 or more. Raises ClusterError."""
        ...


class PublicEndpoints(Protocol):
    """Who receives what clients send to a revision's public name."""

    async def publish(self, revision: RevisionId, mode: Mode, activators: int) -> None:
        """Point the revision's public endpoints at its pods or at activators.

        `activators` is how many of them its load needs, 2 or more; when there are more, those take
        its traffic that `servingkit.core.subset` picks for it. Whoever implements it keeps
        following pods and activators in that mode, and never leaves the endpoints empty by choice:
        no ready pod means activators. Raises ClusterError.
        """
        ...

    def activators_receive(self, revision: RevisionId) -> bool:
        """Tell whether the endpoints, as they were last written, lead to activators alone.

        They may not, although that was asked for: while no activator can take the traffic.
        """
        ...

    def public_address(self, revision: RevisionId) -> Address | None:
        """Return where clients connect, by whatever stands between. None: nowhere yet."""
        ...


class RevisionStates(Protocol):
    """What the cluster keeps for the autoscaler about each revision, beyond its life."""

    def state(self, revision: RevisionId) -> RevisionState | None:
        """Return what was saved last; None when nothing was, or what was cannot be read."""
        ...

    async def save_state(self, revision: RevisionId, state: RevisionState) -> None:
        """Keep `state` instead of what was kept before. Raises ClusterError."""
        ...


class Activator(NamedTuple):
    """One activator that takes traffic now. `name` is what it signs its stats with."""

    name: str
    host: str


class Activators(Protocol):
    """Which activators there are."""

    def activators(self) -> tuple[Activator, ...]:
        """Return the ready activators, in the order of their names."""
        ...
