"""What has to be found among all Services: ports that are taken, and what a revision adopted."""

from servingkit.cluster.kubernetes.core.names import ADOPTED_BY
from servingkit.cluster.kubernetes.core.objects import ServiceObject
from servingkit.cluster.kubernetes.core.record import activator_port_of, revision_id_of
from servingkit.cluster.kubernetes.reflector import Key, Reflector
from servingkit.core.revision import RevisionId


class ServiceIndex:
    """Follows a reflector of Services."""

    def __init__(self, services: Reflector[ServiceObject]) -> None:
        self._services = services
        self._adopted: dict[RevisionId, set[str]] = {}
        self._adopter_of: dict[Key, RevisionId] = {}
        self._holders: dict[int, set[Key]] = {}
        self._port_of: dict[Key, int] = {}
        services.on_change(self._service_changed)

    def __repr__(self) -> str:
        return f"<ServiceIndex {len(self._port_of)} ports, {len(self._adopter_of)} adopted>"

    def adopted(self, revision: RevisionId) -> tuple[str, ...]:
        """Return the names of the Services that a revision has adopted."""
        return tuple(self._adopted.get(revision, ()))

    def adopter(self, service: Key) -> RevisionId | None:
        """Return which revision has adopted a Service."""
        return self._adopter_of.get(service)

    @property
    def taken_ports(self) -> frozenset[int]:
        """The activator ports that private Services have."""
        return frozenset(self._holders)

    def keeps_port(self, service: ServiceObject) -> bool:
        """Tell whether a private Service has a port, and was the first to have it.

        Two can have one port when two leaders did not know of each other's writes.
        """
        port = activator_port_of(service)
        key = Key(service.metadata.namespace, service.metadata.name)
        others = self._holders.get(port, set()) - {key}
        mine = (service.metadata.creation_timestamp, key)
        return port != 0 and all(mine < (self._created_at(other), other) for other in others)

    def _created_at(self, key: Key) -> str:
        return self._services.objects[key].metadata.creation_timestamp

    def _service_changed(self, key: Key) -> None:
        service = self._services.objects.get(key)
        self._forget(key)
        if service is None:
            return
        adopter = service.metadata.annotation(ADOPTED_BY)
        if adopter:
            revision = RevisionId(key.namespace, adopter)
            self._adopter_of[key] = revision
            self._adopted.setdefault(revision, set()).add(key.name)
        port = activator_port_of(service)
        if port and revision_id_of(service) is not None:
            self._port_of[key] = port
            self._holders.setdefault(port, set()).add(key)

    def _forget(self, key: Key) -> None:
        port = self._port_of.pop(key, 0)
        if port:
            self._holders[port].discard(key)
            if not self._holders[port]:
                del self._holders[port]
        revision = self._adopter_of.pop(key, None)
        if revision is not None:
            self._adopted[revision].discard(key.name)
            if not self._adopted[revision]:
                del self._adopted[revision]
