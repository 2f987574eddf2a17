"""The sidecar's metrics and the model's own on one page, so that a pod is one scrape target."""

import asyncio
import logging
from http import HTTPStatus
from typing import Final

from queueproxy.core.exposition import MalformedPageError, foreign_half
from servingkit.core.revision import Address
from servingkit.http1.client import FetchError, HttpClient
from servingkit.http1.exchange import Exchange
from servingkit.metrics_page import MetricsPage

_log = logging.getLogger(__name__)

MOST_BYTES: Final = 4 * 1024 * 1024
"""Size of a model's page beyond which it is not passed on."""

_TIMEOUT_S: Final = 5.0
"""Half of Prometheus' own default, so that a hanging model costs its half and not both."""

_HEADERS: Final = ((b"Accept", b"text/plain;version=0.0.4"),)

_UP: Final = """\
# HELP inflight_scrape_up Whether this half of the page could be had when it was asked for.
# TYPE inflight_scrape_up gauge
inflight_scrape_up{target="sidecar"} 1
inflight_scrape_up{target="model"} %d
"""


class MergedMetrics:
    """The service of the metrics port when the model has metrics, too.

    Args:
        page: the sidecar's own half.
        model: where the model serves its half.
        path: and under which path.
        client: fetches it; its bound should be `MOST_BYTES`.
        tasks: owns the fetches.
    """

    def __init__(
        self,
        page: MetricsPage,
        model: Address,
        path: str,
        client: HttpClient,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._page = page
        self._model = model
        self._target = path.encode()
        self._client = client
        self._tasks = tasks

    def __call__(self, exchange: Exchange) -> None:
        """Answer a scrape, when the model has answered ours."""
        if self._page.serves(exchange):
            self._tasks.create_task(self._answer(exchange))
        else:
            self._page(exchange)

    async def _answer(self, exchange: Exchange) -> None:
        half = await self._model_half()
        up = _UP % (half is not None)
        self._page.answer(exchange, up + (half or ""))

    async def _model_half(self) -> str | None:
        try:
            answer = await self._client.fetch(
                self._model, b"GET", self._target, _HEADERS, timeout_s=_TIMEOUT_S
            )
            if answer.status != HTTPStatus.OK:
                _log.debug("model has no metrics", extra={"status": answer.status})
                return None
            return foreign_half(answer.body.decode())
        except (FetchError, MalformedPageError, UnicodeDecodeError) as error:
            _log.debug("model has no metrics", extra={"reason": str(error)})
            return None
