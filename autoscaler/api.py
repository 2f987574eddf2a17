"""The control API: how every revision stands, as JSON.

GET /healthz                          ok
GET /v1/revisions                     {"revisions": [RevisionStatus, ...]}
GET /v1/revisions/NAMESPACE/NAME      RevisionStatus, or 404
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict

from aiohttp import web

from autoscaler.status import RevisionStatus
from servingkit.core.revision import RevisionId

Statuses = Callable[[], Sequence[RevisionStatus]]
StatusOf = Callable[[RevisionId], RevisionStatus | None]


def api_application(statuses: Statuses, status: StatusOf) -> web.Application:
    """Return the API's routes."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def list_revisions(_: web.Request) -> web.Response:
        return web.json_response({"revisions": [asdict(one) for one in statuses()]})

    async def show_revision(request: web.Request) -> web.Response:
        revision_id = RevisionId(request.match_info["namespace"], request.match_info["name"])
        one = status(revision_id)
        if one is None:
            return web.json_response({"error": f"no revision {revision_id}"}, status=404)
        return web.json_response(asdict(one))

    application = web.Application()
    application.router.add_get("/healthz", healthz)
    application.router.add_get("/v1/revisions", list_revisions)
    application.router.add_get("/v1/revisions/{namespace}/{name}", show_revision)
    return application
