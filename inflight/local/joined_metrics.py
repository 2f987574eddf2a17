"""One Prometheus page for the programs of one machine: the autoscaler's metrics, then activators'.

On Kubernetes each program has a page of its own, and Prometheus tells them apart by address. Here
the label `activator` tells activators apart.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from inflight.local.node import HOST
from servingkit.core.revision import Address
from servingkit.http1.client import FetchError, HttpClient

if TYPE_CHECKING:
    from inflight.local.activator_place import ActivatorPlace

_TIMEOUT_S: Final = 5.0


class JoinedMetrics:
    """Answers scrapes. An activator that does not answer is left out."""

    def __init__(self, client: HttpClient, autoscaler_port: Callable[[], int]) -> None:
        self.activators: tuple[ActivatorPlace, ...] = ()
        """Those that are ready."""

        self._client = client
        self._autoscaler_port = autoscaler_port

    async def serve(self, _: web.Request) -> web.Response:
        """Answer with the page as it is now."""
        places = self.activators
        addresses = [Address(HOST, self._autoscaler_port())]
        addresses += [Address(place.host, place.metrics_port) for place in places]
        pages = await asyncio.gather(*(self._page(address) for address in addresses))
        registry = CollectorRegistry()
        names = (None, *(place.name for place in places))
        registry.register(_Joined(zip(names, pages, strict=True)))
        return web.Response(
            body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def _page(self, address: Address) -> str:
        try:
            answer = await self._client.fetch(address, b"GET", b"/metrics", timeout_s=_TIMEOUT_S)
        except FetchError:  # it ends, or has just ended
            return ""
        return answer.body.decode()


class _Joined(Collector):
    """The families of all pages, each once; an activator's samples with the name of it."""

    def __init__(self, pages: Iterable[tuple[str | None, str]]) -> None:
        self._families: dict[str, Metric] = {}
        for name, page in pages:
            labels = {} if name is None else {"activator": name}
            for family in text_string_to_metric_families(page):
                known = self._families.setdefault(
                    family.name, Metric(family.name, family.documentation, family.type)
                )
                known.samples += (
                    sample._replace(labels={**sample.labels, **labels}) for sample in family.samples
                )

    def collect(self) -> Iterator[Metric]:
        """Yield each family once."""
        yield from self._families.values()
