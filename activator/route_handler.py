"""The port that all revisions share: routes come first, then the names of the revisions.

An ingress that has chosen already says so in the revision headers, and is obeyed; whoever may not
name a revision by headers is sent where the route says, as if there were none.
"""

import logging
import random
from functools import partial
from typing import NamedTuple

from activator.core.route_table import RouteChooser, RouteTable
from activator.mirror import MirrorCounts, Mirrors
from activator.proxy_handler import ProxyHandler
from activator.revision_gates import RevisionGates
from servingkit.cluster.protocols import Routes
from servingkit.core.revision import RevisionId
from servingkit.core.route import RouteId
from servingkit.http1.exchange import Exchange

_log = logging.getLogger(__name__)


class RouteUse(NamedTuple):
    """A route and one of its revisions."""

    route: RouteId
    revision: RevisionId


class RouteHandler:
    """Takes each request of the shared port (the engine's `Service`)."""

    def __init__(
        self,
        routes: Routes,
        gates: RevisionGates,
        proxy: ProxyHandler,
        mirrors: Mirrors,
        cluster_domain: str,
    ) -> None:
        self.requests: dict[RouteUse, int] = {}
        """How many each route has sent to each revision, since the start."""
        self.mirrored: dict[RouteUse, MirrorCounts] = {}
        self._routes = routes
        self._gates = gates
        self._proxy = proxy
        self._mirrors = mirrors
        self._cluster_domain = cluster_domain
        self._table: RouteTable | None = None
        routes.on_routes_change(self._routes_changed)

    def __repr__(self) -> str:
        return f"<RouteHandler {self._table!r}>"

    def revision_changed(self, _: RevisionId) -> None:
        """Look again which revisions there are."""
        self._table = None

    def __call__(self, exchange: Exchange) -> None:
        """Send a request where its route says, or else to the revision that it names."""
        request = exchange.request
        if self._gates.named_by_headers(request, exchange.peer):
            self._proxy(exchange)
            return
        chooser = self._routed().find(request.host, request.target)
        if chooser is None:
            self._proxy(exchange)
        elif not self._proxy.answered_probe(exchange):
            self._send(exchange, chooser)

    def _send(self, exchange: Exchange, chooser: RouteChooser) -> None:
        revision = chooser.choose(exchange.request.fields, random.randrange)
        if revision is not None:
            use = RouteUse(chooser.route.id, revision)
            self.requests[use] = self.requests.get(use, 0) + 1
        self._proxy.serve(revision, exchange)
        mirror = chooser.mirrors(random.randrange)
        if mirror is not None:
            use = RouteUse(chooser.route.id, mirror)
            counts = self.mirrored.setdefault(use, MirrorCounts())
            serve = partial(self._proxy.serve, mirror, mirrored=True)
            self._mirrors.begin(exchange, serve, counts)

    def _routes_changed(self) -> None:
        self._table = None
        _log.info("routes changed", extra={"routes": len(self._routes.routes())})

    def _routed(self) -> RouteTable:
        if self._table is None:
            known = {gate.revision.id for gate in self._gates}
            self._table = RouteTable(self._routes.routes(), known, self._cluster_domain)
        return self._table
