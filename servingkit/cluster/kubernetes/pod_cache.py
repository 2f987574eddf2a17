"""Where a revision's pods are, as the slices of its private Service say (`Pods`).

Slices name every pod that has an address, ready or not, and the Service names those that are to go
next; so nothing has to be read of the pods themselves.
"""

from servingkit.clock import monotonic
from servingkit.cluster.kubernetes.core.endpoints import pods_in
from servingkit.cluster.kubernetes.core.names import SERVICE_NAME, private_name
from servingkit.cluster.kubernetes.core.objects import EndpointSlice, ServiceObject
from servingkit.cluster.kubernetes.core.record import leaving_pods, revision_of_private
from servingkit.cluster.kubernetes.reflector import Key, Reflector
from servingkit.cluster.protocols import OnChange
from servingkit.core.revision import Pod, RevisionId


class PodCache:
    """Pods by revision; follows private Services and their slices."""

    def __init__(
        self, services: Reflector[ServiceObject], slices: Reflector[EndpointSlice]
    ) -> None:
        self._services = services
        self._slices = slices
        self._slices_of: dict[RevisionId, set[Key]] = {}
        self._owner_of: dict[Key, RevisionId] = {}
        self._pods: dict[RevisionId, tuple[Pod, ...]] = {}
        self._seen_at: dict[RevisionId, dict[str, float]] = {}
        self._callbacks: list[OnChange] = []
        services.on_change(self._service_changed)
        slices.on_change(self._slice_changed)

    def __repr__(self) -> str:
        return f"<PodCache {sum(map(len, self._pods.values()))} pods>"

    def pods(self, revision: RevisionId) -> tuple[Pod, ...]:
        """Return the pods of a revision, oldest first; empty for an unknown revision."""
        return self._pods.get(revision, ())

    def on_pods_change(self, callback: OnChange) -> None:
        """Call back when a revision's pods or their states changed."""
        self._callbacks.append(callback)

    def _service_changed(self, key: Key) -> None:
        revision_id = revision_of_private(*key)
        if revision_id is not None:
            self._recompute(revision_id)

    def _slice_changed(self, key: Key) -> None:
        present = self._slices.objects.get(key)
        revision_id = self._owner_of.get(key)
        if present is not None:
            service = Key(key.namespace, present.metadata.label(SERVICE_NAME))
            revision_id = revision_of_private(*service)
        if revision_id is None:
            return
        keys = self._slices_of.setdefault(revision_id, set())
        if present is None:
            keys.discard(key)
            self._owner_of.pop(key, None)
        else:
            keys.add(key)
            self._owner_of[key] = revision_id
        if not keys:
            del self._slices_of[revision_id]
        self._recompute(revision_id)

    def _recompute(self, revision_id: RevisionId) -> None:
        service = self._services.objects.get(
            Key(revision_id.namespace, private_name(revision_id.name))
        )
        seen_at = self._seen_at.setdefault(revision_id, {})
        # After a new list some are gone already that we are told of next.
        keys = self._slices_of.get(revision_id, ())
        slices = [self._slices.objects[key] for key in keys if key in self._slices.objects]
        leaving = frozenset[str]() if service is None else leaving_pods(service)
        pods = pods_in(slices, leaving, seen_at, monotonic())
        before = self._pods.pop(revision_id, ())
        if pods:
            self._pods[revision_id] = pods
        else:
            self._seen_at.pop(revision_id, None)
        if pods != before:
            for callback in self._callbacks:
                callback(revision_id)
