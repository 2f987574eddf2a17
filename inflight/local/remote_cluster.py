"""The cluster as an activator process sees it: the last view that it was sent.

The local side of *Revisions*, *Pods* and *Routes* in a process of its own; its counterpart is
`inflight.local.activator_set`.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from inflight.local.activator_link import ClusterView
from servingkit.cluster.protocols import OnChange, OnRoutesChange
from servingkit.core.revision import Pod, Revision, RevisionId
from servingkit.core.route import Route


class RemoteCluster:
    """Keeps the last view, and announces what differs in the next one."""

    def __init__(self) -> None:
        self.version = 0
        """Of the last view. 0: there was none yet."""
        self._revisions: Mapping[RevisionId, Revision] = MappingProxyType({})
        self._pods: Mapping[RevisionId, tuple[Pod, ...]] = {}
        self._routes: tuple[Route, ...] = ()
        self._on_revision_change: list[OnChange] = []
        self._on_pods_change: list[OnChange] = []
        self._on_routes_change: list[OnRoutesChange] = []

    def __repr__(self) -> str:
        return f"<RemoteCluster version {self.version}, {len(self._revisions)} revisions>"

    def take(self, view: ClusterView) -> None:
        """Show this view from now on."""
        revisions, pods, routes = self._revisions, self._pods, self._routes
        self.version = view.version
        self._revisions = MappingProxyType({v.revision.id: v.revision for v in view.revisions})
        self._pods = {v.revision.id: v.pods for v in view.revisions}
        self._routes = view.routes
        _announce(self._on_revision_change, revisions, self._revisions)
        _announce(self._on_pods_change, pods, self._pods)
        if routes != self._routes:
            for routes_changed in self._on_routes_change:
                routes_changed()

    # --- Revisions ---

    def revisions(self) -> Mapping[RevisionId, Revision]:
        """Return the revisions."""
        return self._revisions

    def on_revision_change(self, callback: OnChange) -> None:
        """Call back at each change, and once for each revision already there."""
        self._on_revision_change.append(callback)
        for revision in self._revisions:
            callback(revision)

    # --- Pods ---

    def pods(self, revision: RevisionId) -> tuple[Pod, ...]:
        """Return the pods of a revision, oldest first; empty for an unknown revision."""
        return self._pods.get(revision, ())

    def on_pods_change(self, callback: OnChange) -> None:
        """Call back when a revision's pods or their states changed."""
        self._on_pods_change.append(callback)

    # --- Routes ---

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return self._routes

    def on_routes_change(self, callback: OnRoutesChange) -> None:
        """Call back when any route changed."""
        self._on_routes_change.append(callback)


def _announce(
    callbacks: Sequence[OnChange],
    before: Mapping[RevisionId, object],
    after: Mapping[RevisionId, object],
) -> None:
    for revision in before.keys() | after.keys():
        if before.get(revision) != after.get(revision):
            for callback in callbacks:
                callback(revision)
