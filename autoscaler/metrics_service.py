"""The service of the metrics port: the process's own metrics, and below them all revisions'.

With 10,000 revisions the page takes half a second to write; it is written a few at a time, so that
decisions go on meanwhile.
"""

import asyncio
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from autoscaler.metrics import RevisionText
from autoscaler.status import RevisionStatus
from servingkit.http1.exchange import Exchange
from servingkit.metrics_page import MetricsPage

_REVISIONS_A_TURN: Final = 50
"""So many in one turn of the event loop, about 2 ms."""


class MetricsService:
    """Answers scrapes."""

    def __init__(self, page: MetricsPage, statuses: Callable[[], Iterator[RevisionStatus]]) -> None:
        self._page = page
        self._statuses = statuses

    def __call__(self, exchange: Exchange) -> None:
        """Answer a scrape, in some turns of the loop."""
        if self._page.serves(exchange):
            self._write(exchange, RevisionText(), self._statuses())
        else:
            self._page(exchange)

    def _write(
        self, exchange: Exchange, text: RevisionText, rest: Iterator[RevisionStatus]
    ) -> None:
        some = list(islice(rest, _REVISIONS_A_TURN))
        for status in some:
            text.add(status)
        if len(some) == _REVISIONS_A_TURN:
            asyncio.get_running_loop().call_soon(self._write, exchange, text, rest)
        else:
            self._page.answer(exchange, text.text())
