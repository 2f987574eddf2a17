"""The revisions, as their private Services record them (the Kubernetes side of `Revisions`)."""

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType

from servingkit.cluster.kubernetes.core.names import PRIVATE_SUFFIX, private_name
from servingkit.cluster.kubernetes.core.objects import ServiceObject
from servingkit.cluster.kubernetes.core.record import revision_of
from servingkit.cluster.kubernetes.reflector import Key, Reflector
from servingkit.cluster.protocols import OnChange
from servingkit.core.revision import Revision, RevisionId


def _any_revision(_: Revision) -> bool:
    return True


class RevisionCache:
    """Revisions by identity; follows the private Services of a reflector."""

    def __init__(
        self,
        services: Reflector[ServiceObject],
        wants: Callable[[Revision], bool] = _any_revision,
    ) -> None:
        """Show those revisions of `services` that `wants` wants."""
        self._services = services
        self._wants = wants
        self._revisions: dict[RevisionId, Revision] = {}
        self._shown: Mapping[RevisionId, Revision] = MappingProxyType({})
        self._changed: dict[RevisionId, None] = {}
        self._callbacks: list[OnChange] = []
        services.on_change(self._service_changed)

    def __repr__(self) -> str:
        return f"<RevisionCache {len(self._revisions)} revisions>"

    def revisions(self) -> Mapping[RevisionId, Revision]:
        """Return the present revisions; the mapping never changes after it was returned."""
        return self._shown

    def on_revision_change(self, callback: OnChange) -> None:
        """Call back at each change, and once for each revision already there."""
        self._callbacks.append(callback)
        for revision_id in self._shown:
            callback(revision_id)

    def look_again(self, revision_id: RevisionId) -> None:
        """Take up or drop a revision of which something outside its Service changed.

        It is shown and announced in the next turn of the event loop.
        """
        key = Key(revision_id.namespace, private_name(revision_id.name))
        service = self._services.objects.get(key)
        revision = None if service is None else revision_of(service)
        if revision is not None and not self._wants(revision):
            revision = None
        if revision == self._revisions.get(revision_id):
            return
        if revision is None:
            del self._revisions[revision_id]
        else:
            self._revisions[revision_id] = revision
        if not self._changed:
            # Thousands may come in one turn of the loop, and are shown with one copy.
            asyncio.get_running_loop().call_soon(self._show)
        self._changed[revision_id] = None

    def _show(self) -> None:
        changed, self._changed = self._changed, {}
        self._shown = MappingProxyType(dict(self._revisions))
        for revision_id in changed:
            for callback in self._callbacks:
                callback(revision_id)

    def _service_changed(self, key: Key) -> None:
        if key.name.endswith(PRIVATE_SUFFIX):
            self.look_again(RevisionId(key.namespace, key.name.removesuffix(PRIVATE_SUFFIX)))
