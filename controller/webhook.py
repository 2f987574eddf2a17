"""The admission webhook: HTTP around `core.admission`, and health for the kubelet."""

import json
import logging
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from controller.core.admission import mutate, validate
from controller.core.injection import Json, SidecarSettings
from servingkit.config import ConfigError

_log = logging.getLogger(__name__)

_MOST_BODY_BYTES: Final = 8 * 2**20
"""Twice what etcd takes for an object, and more: a review may carry its old state too."""

AdmissionCounts = Counter[tuple[str, str]]
"""Reviews by webhook and by result: `injected`, `unchanged`, `allowed`, `refused`, `unreadable`."""

Decide = Callable[[object, SidecarSettings], Json]


class Webhook:
    """Answers reviews; `ready` is what the readiness probe is told."""

    def __init__(self, settings: SidecarSettings) -> None:
        self.counts: AdmissionCounts = Counter()
        self.ready = False
        self._settings = settings

    def __repr__(self) -> str:
        return f"<Webhook {'ready' if self.ready else 'not ready'}, {self.counts.total()} reviews>"

    def application(self) -> web.Application:
        """Return what is to be served over TLS."""
        application = web.Application(client_max_size=_MOST_BODY_BYTES)
        application.router.add_post("/mutate", self._mutate)
        application.router.add_post("/validate", self._validate)
        application.router.add_get("/healthz", self._healthz)
        application.router.add_get("/readyz", self._readyz)
        return application

    async def _mutate(self, request: web.Request) -> web.Response:
        return await self._review("mutate", mutate, request)

    async def _validate(self, request: web.Request) -> web.Response:
        return await self._review("validate", validate, request)

    async def _review(self, webhook: str, decide: Decide, request: web.Request) -> web.Response:
        try:
            review = json.loads(await request.read())
            answer = decide(review, self._settings)
        except (ValueError, ConfigError) as error:
            self.counts[webhook, "unreadable"] += 1
            return web.Response(status=HTTPStatus.BAD_REQUEST, text=f"{error}\n")
        response = answer["response"]
        result = _result(webhook, response)
        self.counts[webhook, result] += 1
        if result in {"injected", "refused"}:
            facts = _facts(webhook, review["request"], response)
            _log.info("reviewed", extra={"result": result, **facts})
        return web.json_response(answer)

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        if self.ready:
            return web.Response(text="ok\n")
        return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text="stopping\n")


def _result(webhook: str, response: Json) -> str:
    if not response["allowed"]:
        return "refused"
    if webhook == "validate":
        return "allowed"
    return "injected" if "patch" in response else "unchanged"


def _facts(webhook: str, request: Json, response: Json) -> Json:
    metadata = request["object"].get("metadata") or {}
    return {
        "webhook": webhook,
        "namespace": request.get("namespace"),
        "object": metadata.get("name") or metadata.get("generateName"),
        "reason": (response.get("status") or {}).get("message"),
    }
