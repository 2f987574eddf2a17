"""Which route takes a request, and which of its revisions.

The most specific host wins: an exact name, then `*.example.com` with the longest end, then routes
that name `*`. Among routes for one name the longest path prefix wins. A route whose path does not
fit is passed over, so a less specific name may still take the request.

Worked example: routes for `*.example.com`, for `api.example.com` below `/v2`, and for
`api.example.com`. `http://api.example.com/v2/models` goes to the second, `/v20` to the third,
`http://www.example.com/v2` to the first.
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Final
from zlib import crc32

from activator.core.host_names import cluster_names, plain_host
from servingkit.core.revision import RevisionId
from servingkit.core.route import Backend, Route, RouteId

TAG_HEADERS: Final = (b"inflight-tag", b"knative-serving-tag")
"""With one of these a client chooses a backend by its tag."""

_MIRROR_STEPS: Final = 10_000
_STEPS_PER_PERCENT: Final = 100

RandomBelow = Callable[[int], int]
"""Returns a random whole number from 0 to below its argument."""


class RouteChooser:
    """One route with those of its revisions that there are."""

    __slots__ = ("_backends", "_bounds", "_by_tag", "_mirror_steps", "_sticky", "route")

    def __init__(self, route: Route, known: Collection[RevisionId]) -> None:
        """Choose among the backends of `route` that are `known`."""
        self.route = route
        present = [backend for backend in route.backends if backend.revision in known]
        self._backends = [backend for backend in present if backend.weight]
        self._bounds = list(accumulate(backend.weight for backend in self._backends))
        self._by_tag = {backend.tag.encode(): backend for backend in present if backend.tag}
        self._sticky = route.sticky_header.encode()
        mirrored = route.mirror is not None and route.mirror.revision in known
        percent = route.mirror.percent if route.mirror is not None and mirrored else 0.0
        self._mirror_steps = round(percent * _STEPS_PER_PERCENT)

    def __repr__(self) -> str:
        return f"<RouteChooser {self.route.id} {[str(b.revision) for b in self._backends]}>"

    def choose(self, fields: Mapping[bytes, bytes], random_below: RandomBelow) -> RevisionId | None:
        """Return a revision for a request; None when there is none of them.

        A tag that the client names comes first, if the route has it; then the value of the sticky
        header; else the weights decide by lot.
        """
        if self._by_tag:
            for header in TAG_HEADERS:
                tagged = self._by_tag.get(fields.get(header, b""))
                if tagged is not None:
                    return tagged.revision
        if not self._bounds:
            return None
        total = self._bounds[-1]
        value = fields.get(self._sticky) if self._sticky else None
        point = random_below(total) if value is None else self._point_of(value, total)
        return self._backends[bisect_right(self._bounds, point)].revision

    def mirrors(self, random_below: RandomBelow) -> RevisionId | None:
        """Return the revision that is to see a copy of this request, if any is."""
        if not self._mirror_steps or random_below(_MIRROR_STEPS) >= self._mirror_steps:
            return None
        return self.route.mirror.revision if self.route.mirror is not None else None

    def _point_of(self, value: bytes, total: int) -> int:
        # With the route's name in it, so that two routes do not choose the same clients.
        return crc32(value, crc32(str(self.route.id).encode())) % total


class RouteTable:
    """All routes, ready for look-ups; made anew when routes or revisions change."""

    __slots__ = ("_by_host", "_by_suffix", "_count", "_for_any")

    def __init__(
        self, routes: Iterable[Route], known: Collection[RevisionId], cluster_domain: str
    ) -> None:
        """Index `routes`; `known` are the revisions that there are."""
        by_name: dict[str, list[RouteChooser]] = {}
        self._count = 0
        for route in routes:
            self._count += 1
            for names, narrowed in _variants(route, cluster_domain):
                chooser = RouteChooser(narrowed, known)
                for name in names:
                    by_name.setdefault(name, []).append(chooser)
        for choosers in by_name.values():
            choosers.sort(key=_specific_first)
        self._for_any: Sequence[RouteChooser] = by_name.pop("*", ())
        self._by_host: dict[bytes, Sequence[RouteChooser]] = {}
        self._by_suffix: dict[bytes, Sequence[RouteChooser]] = {}
        for name, choosers in by_name.items():
            if name.startswith("*."):
                self._by_suffix[name[1:].encode()] = choosers
            else:
                self._by_host[name.encode()] = choosers

    def __repr__(self) -> str:
        return f"<RouteTable {self._count} routes>"

    def find(self, host: bytes, target: bytes) -> RouteChooser | None:
        """Return the route for a request's Host and target."""
        if not self._count:
            return None
        path = target.partition(b"?")[0]
        for choosers in self._for_host(plain_host(host)):
            for chooser in choosers:
                if _is_below(path, chooser.route.path_prefix.encode()):
                    return chooser
        return None

    def _for_host(self, name: bytes) -> Iterator[Sequence[RouteChooser]]:
        yield self._by_host.get(name, ())
        if self._by_suffix:
            at = name.find(b".")
            while at >= 0:
                yield self._by_suffix.get(name[at:], ())
                at = name.find(b".", at + 1)
        yield self._for_any


def _variants(route: Route, cluster_domain: str) -> Iterator[tuple[Iterable[str], Route]]:
    """Yield the route with its names, and once for each tag, whose names lead to one backend."""
    namespace, name = route.id
    yield (*cluster_names(namespace, name, cluster_domain), *route.hosts), route
    for backend in route.backends:
        if backend.tag:
            names = cluster_names(namespace, f"{backend.tag}-{name}", cluster_domain)
            yield names, _only(route, backend)


def _only(route: Route, backend: Backend) -> Route:
    return replace(route, backends=(replace(backend, weight=1),), mirror=None, sticky_header="")


def _specific_first(chooser: RouteChooser) -> tuple[int, RouteId]:
    return -len(chooser.route.path_prefix), chooser.route.id


def _is_below(path: bytes, prefix: bytes) -> bool:
    prefix = prefix.removesuffix(b"/")
    return path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in {b"", b"/"}
