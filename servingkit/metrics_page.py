"""A Prometheus page on the engine: `GET /metrics`."""

from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from servingkit.core.histogram import Histogram
from servingkit.http1.exchange import Exchange


class MetricsPage:
    """The service of a metrics port; asks its collectors at each scrape."""

    def __init__(self, *collectors: Collector) -> None:
        self._registry = CollectorRegistry()
        for collector in collectors:
            self._registry.register(collector)

    def __call__(self, exchange: Exchange) -> None:
        """Answer a scrape."""
        if self.serves(exchange):
            self.answer(exchange)
        else:
            exchange.answer(HTTPStatus.NOT_FOUND, (), b"only /metrics is served here\n")

    def serves(self, exchange: Exchange) -> bool:
        """Return whether `exchange` asks for this page."""
        return exchange.request.target.partition(b"?")[0] == b"/metrics"

    def answer(self, exchange: Exchange, more: str = "") -> None:
        """Answer with the page, and below it what somebody else has to say in the same format."""
        content_type = (b"Content-Type", CONTENT_TYPE_LATEST.encode())
        page = generate_latest(self._registry) + more.encode()
        exchange.answer(HTTPStatus.OK, (content_type,), page)


def histogram_family(name: str, text: str, histogram: Histogram) -> HistogramMetricFamily:
    """Return one histogram without labels as prometheus-client wants it."""
    return HistogramMetricFamily(name, text, buckets=histogram.buckets(), sum_value=histogram.sum_s)
