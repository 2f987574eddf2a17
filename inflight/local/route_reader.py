"""Reads one route's settings from a file, and checks every one of them."""

import re
from collections.abc import Collection
from typing import Final

from inflight.local.names import read_host_patterns, read_name
from inflight.scaling.fields import Fields
from servingkit.config import Problem
from servingkit.core.revision import RevisionId
from servingkit.core.route import Backend, Mirror, Route, RouteId

_KEYS: Final = ("name", "namespace", "hosts", "path", "traffic", "mirror", "stickyHeader")
_TRAFFIC_KEYS: Final = ("revision", "percent", "tag")
_MIRROR_KEYS: Final = ("revision", "percent")

_PATH: Final = re.compile(r"/[!$&'()*+,;=:@%._~/A-Za-z0-9-]*", re.ASCII)
_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)

_ALL_PERCENT: Final = 100


class RouteReader:
    """Reads routes one after the other.

    Args:
        problems: gathers what is wrong with any of them.
        revisions: those that a route may lead to.
    """

    def __init__(self, problems: list[Problem], revisions: Collection[RevisionId]) -> None:
        self.problems = problems
        self.routes: tuple[Route, ...] = ()
        self._revisions = revisions

    def __repr__(self) -> str:
        return f"<RouteReader {len(self.routes)} read, {len(self.problems)} problems>"

    def read(self, fields: Fields) -> None:
        """Read one route."""
        fields.only(_KEYS)
        namespace = read_name(fields, "namespace", "default")
        route = Route(
            id=RouteId(namespace, read_name(fields, "name")),
            hosts=read_host_patterns(fields),
            path_prefix=_path(fields),
            backends=self._backends(fields, namespace),
            mirror=self._mirror(fields, namespace),
            sticky_header=_sticky_header(fields),
        )
        self._check_against_others(fields, route)
        self.routes += (route,)

    def _backends(self, fields: Fields, namespace: str) -> tuple[Backend, ...]:
        backends: list[Backend] = []
        for entry in fields.inners("traffic"):
            entry.only(_TRAFFIC_KEYS)
            tag = read_name(entry, "tag") if "tag" in entry else ""
            if tag and any(tag == backend.tag for backend in backends):
                entry.reject("tag", "a tag that nothing else of the route has")
            revision = self._revision(entry, namespace)
            percent = entry.whole("percent", 0, most=_ALL_PERCENT)
            backends.append(Backend(revision=revision, weight=percent, tag=tag))
        if sum(backend.weight for backend in backends) != _ALL_PERCENT:
            fields.reject("traffic", f"percents that sum up to {_ALL_PERCENT}")
        return tuple(backends)

    def _mirror(self, fields: Fields, namespace: str) -> Mirror | None:
        if "mirror" not in fields:
            return None
        mirror = fields.inner("mirror")
        mirror.only(_MIRROR_KEYS)
        percent = mirror.number("percent", _ALL_PERCENT, above=0, most=_ALL_PERCENT)
        return Mirror(revision=self._revision(mirror, namespace), percent=percent)

    def _revision(self, fields: Fields, namespace: str) -> RevisionId:
        revision = RevisionId(namespace, fields.text("revision", ""))
        if revision not in self._revisions:
            known = sorted(known.name for known in self._revisions if known.namespace == namespace)
            expected = (
                f"a revision of the namespace {namespace} ({', '.join(known) or 'it has none'})"
            )
            fields.reject("revision", expected)
        return revision

    def _check_against_others(self, fields: Fields, route: Route) -> None:
        for other in self.routes:
            if route.id == other.id:
                fields.reject("name", "a name that no other route has")
            shared = set(route.hosts) & set(other.hosts)
            if shared and route.path_prefix.rstrip("/") == other.path_prefix.rstrip("/"):
                expected = f"hosts of its own for this path; {other.id} has {', '.join(shared)}"
                fields.reject("hosts", expected)


def _path(fields: Fields) -> str:
    path = fields.text("path", "/")
    if not _PATH.fullmatch(path):
        fields.reject("path", "a path as /v1, without a query")
    return path


def _sticky_header(fields: Fields) -> str:
    if "stickyHeader" not in fields:
        return ""
    header = fields.text("stickyHeader", "")
    if not _HEADER.fullmatch(header):
        fields.reject("stickyHeader", "the name of a request header, as X-User")
    return header.lower()
