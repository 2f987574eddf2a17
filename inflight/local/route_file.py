"""The routes of the revision files, read at the start and again whenever one of them changes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from inflight.local.route_reader import RouteReader
from inflight.local.settings import DEFAULT_GATEWAY_PORT
from inflight.scaling.fields import Fields
from inflight.yaml_document import read_document
from servingkit.config import Problem
from servingkit.core.revision import RevisionId
from servingkit.core.route import Route

_MOST_PORT = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteFiles:
    """What all files say of routes."""

    routes: tuple[Route, ...]

    gateway_port: int | None
    """Where clients of routes connect. 0: a free port. None: there are no routes."""


def read_route_files(
    paths: Sequence[Path], revisions: Collection[RevisionId], problems: list[Problem]
) -> RouteFiles:
    """Read the routes of all files; what is wrong goes to `problems`."""
    reader = RouteReader(problems, revisions)
    gateway_port: int | None = None
    for path in paths:
        document = read_document(path, "FILE", problems)
        if document is None:
            continue
        fields = Fields(document, problems, str)
        for route in fields.inners("routes"):
            reader.read(route)
        if "gatewayPort" in fields:
            gateway_port = fields.whole("gatewayPort", DEFAULT_GATEWAY_PORT, most=_MOST_PORT)
        elif "routes" in fields and gateway_port is None:
            gateway_port = DEFAULT_GATEWAY_PORT
    return RouteFiles(routes=reader.routes, gateway_port=gateway_port)
