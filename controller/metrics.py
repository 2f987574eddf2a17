"""What the webhook did, for Prometheus."""

from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from controller.webhook import AdmissionCounts


class ControllerMetrics(Collector):
    """Reads the counts when it is asked."""

    def __init__(
        self, counts: AdmissionCounts, certificate_expiry: Callable[[], datetime | None]
    ) -> None:
        self._counts = counts
        self._certificate_expiry = certificate_expiry

    def collect(self) -> Iterator[Metric]:
        """Yield every family."""
        reviews = CounterMetricFamily(
            "inflight_admission_reviews", "Reviews answered", labels=("result", "webhook")
        )
        for (webhook, result), count in sorted(self._counts.items()):
            reviews.add_metric((result, webhook), count)
        yield reviews
        expiry = self._certificate_expiry()
        if expiry is not None:
            name = "inflight_webhook_certificate_expiry_timestamp_seconds"
            yield GaugeMetricFamily(name, "When the certificate ends", value=expiry.timestamp())
