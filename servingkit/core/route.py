"""What a route is, as a value: names and paths on one side, revisions with weights on the other."""

from dataclasses import dataclass
from typing import NamedTuple

from servingkit.core.revision import RevisionId


class RouteId(NamedTuple):
    """Identity of a route; its cluster names are made of it."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A revision behind a route."""

    revision: RevisionId

    weight: int
    """Its part of the requests, beside the weights of the others. 0: only by its tag."""

    tag: str = ""
    """A name by which a client chooses it. Empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """A revision that sees copies of requests; its answers go nowhere."""

    revision: RevisionId

    percent: float
    """Of the route's requests, above 0, at most 100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Sends the requests for some names, below a path, to revisions by weight."""

    id: RouteId

    hosts: tuple[str, ...] = ()
    """Lower-case host names, or `*.example.com` for all names below one, besides the cluster names
    `NAME.NAMESPACE`, `….svc` and `….svc.CLUSTER-DOMAIN`."""

    path_prefix: str = "/"
    """Whole segments: `/v1` takes `/v1` and `/v1/models`, and not `/v10`."""

    backends: tuple[Backend, ...]
    """One or more, with a weight above 0 among them."""

    mirror: Mirror | None = None

    sticky_header: str = ""
    """Requests with the same value of this header (lower-case name) go to the same revision for as
    long as the weights stay. Empty: each request is drawn by itself."""
