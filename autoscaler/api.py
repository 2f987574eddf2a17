"""The control API: how every revision stands, what happens to them, and a page that shows both.

GET /                                 the dashboard
GET /healthz                          ok
GET /v1/revisions                     {"revisions": [RevisionStatus, ...]}
GET /v1/revisions/NAMESPACE/NAME      RevisionDetail, or 404
GET /v1/config                        {"valid": bool, "path": ..., "problems": [...]}
GET /v1/events                        server-sent events, see `event_stream`
"""

import asyncio
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

import msgspec
from aiohttp import web

from autoscaler.dashboard import dashboard
from autoscaler.event_stream import EventStream
from autoscaler.status import RevisionDetail, RevisionStatus
from servingkit.core.revision import RevisionId

Statuses = Callable[[], Iterable[RevisionStatus]]
"""Returns the statuses one by one, each as it is when it is asked for."""

DetailOf = Callable[[RevisionId], RevisionDetail | None]

_STATUSES_A_TURN: Final = 50
"""So many are put together in one turn of the loop (1 ms): decisions do not wait for a reader."""


def api_application(
    statuses: Statuses,
    detail: DetailOf,
    events: EventStream,
    config: Callable[[], dict[str, object]],
) -> web.Application:
    """Return the API's routes."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def list_revisions(_: web.Request) -> web.Response:
        parts: list[bytes] = []
        rest = iter(statuses())
        while some := [msgspec.json.encode(one) for one in islice(rest, _STATUSES_A_TURN)]:
            parts += some
            await asyncio.sleep(0)
        body = b'{"revisions": [%b]}' % b", ".join(parts)
        return web.Response(body=body, content_type="application/json")

    async def show_revision(request: web.Request) -> web.Response:
        revision_id = RevisionId(request.match_info["namespace"], request.match_info["name"])
        one = detail(revision_id)
        if one is None:
            return web.json_response({"error": f"no revision {revision_id}"}, status=404)
        return web.Response(body=msgspec.json.encode(one), content_type="application/json")

    async def show_config(_: web.Request) -> web.Response:
        return web.json_response(config())

    application = web.Application()
    application.router.add_get("/", dashboard)
    application.router.add_get("/healthz", healthz)
    application.router.add_get("/v1/revisions", list_revisions)
    application.router.add_get("/v1/revisions/{namespace}/{name}", show_revision)
    application.router.add_get("/v1/config", show_config)
    application.router.add_get("/v1/events", events.serve)
    return application
