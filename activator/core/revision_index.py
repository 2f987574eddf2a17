"""Which revision a request names by its headers or its Host.

Only for the port that all revisions share; on a revision's own port the port is its name.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from activator.core.host_names import cluster_names, plain_host
from servingkit.core.revision import Revision, RevisionId

NAMESPACE_HEADER: Final = b"knative-serving-namespace"
REVISION_HEADER: Final = b"knative-serving-revision"


class RevisionIndex:
    """Look-up tables of the present revisions; made anew when they change."""

    __slots__ = ("_by_host", "_known")

    def __init__(self, revisions: Iterable[Revision], cluster_domain: str) -> None:
        """Index `revisions`; of two that claim one host, the first by identity has it."""
        self._known: set[RevisionId] = set()
        self._by_host: dict[bytes, RevisionId] = {}
        for revision in sorted(revisions, key=lambda revision: revision.id):
            self._known.add(revision.id)
            for host in (*cluster_names(*revision.id, cluster_domain), *revision.hosts):
                self._by_host.setdefault(host.lower().encode(), revision.id)

    def __repr__(self) -> str:
        return f"<RevisionIndex {len(self._known)} revisions, {len(self._by_host)} hosts>"

    def find(self, host: bytes, fields: Mapping[bytes, bytes]) -> RevisionId | None:
        """Return the revision that an ingress put in the headers; without these, the Host's."""
        namespace = fields.get(NAMESPACE_HEADER)
        name = fields.get(REVISION_HEADER)
        if namespace is None or name is None:
            return self._by_host.get(plain_host(host))
        named = RevisionId(namespace.decode("latin-1"), name.decode("latin-1"))
        return named if named in self._known else None
