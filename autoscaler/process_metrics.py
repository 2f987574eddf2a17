"""How well the autoscaler itself does: scrapes, stats, how late its decisions are."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from autoscaler.event_stream import EventStream
from autoscaler.multiscaler import Multiscaler
from autoscaler.scraper import Scraper
from autoscaler.stat_receiver import StatReceiver
from servingkit.clock import monotonic
from servingkit.metrics_page import histogram_family


class Parts(NamedTuple):
    """Who is asked."""

    multiscaler: Multiscaler
    scraper: Scraper
    receiver: StatReceiver
    events: EventStream
    activators_heard_at: Mapping[str, float]


class ProcessMetrics(Collector):
    """Reads the parts whenever Prometheus asks."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        """Return all families."""
        yield from self._deciding()
        yield from self._scraping()
        yield from self._receiving()

    def _deciding(self) -> Iterator[Metric]:
        multiscaler = self._parts.multiscaler
        yield GaugeMetricFamily(
            "inflight_autoscaler_revisions",
            "Revisions that are being scaled",
            value=len(multiscaler.tracked),
        )
        yield GaugeMetricFamily(
            "inflight_autoscaler_leads",
            "1 in the autoscaler that writes, 0 in those that stand by",
            value=float(multiscaler.leads),
        )
        yield histogram_family(
            "inflight_autoscaler_tick_lag_seconds",
            "How late decisions that were due together were all begun",
            multiscaler.tick_lag,
        )
        yield CounterMetricFamily(
            "inflight_autoscaler_pokes",
            "Reports of load for a revision without pods, decided at once",
            value=multiscaler.pokes,
        )
        yield CounterMetricFamily(
            "inflight_autoscaler_failed_ticks",
            "Decisions that could not be taken or carried out",
            value=multiscaler.failed_ticks,
        )

    def _scraping(self) -> Iterator[Metric]:
        scraper = self._parts.scraper
        yield histogram_family(
            "kn_autoscaler_scrape_duration_seconds",
            "How long pods took to answer with their stats",
            scraper.durations,
        )
        failures = CounterMetricFamily(
            "kn_autoscaler_scrape_failures",
            "Pods asked for their stats that gave no usable answer, and pods not asked",
            labels=("reason",),
        )
        for reason, count in scraper.failures.items():
            failures.add_metric((reason,), count)
        yield failures

    def _receiving(self) -> Iterator[Metric]:
        receiver = self._parts.receiver
        yield CounterMetricFamily(
            "inflight_autoscaler_stats_received", "Stats from activators", value=receiver.stats
        )
        yield CounterMetricFamily(
            "inflight_autoscaler_bad_frames",
            "Frames from activators that were refused",
            value=receiver.bad_frames,
        )
        ages = GaugeMetricFamily(
            "inflight_autoscaler_report_age_seconds",
            "Time since each connected activator was last heard",
            labels=("activator",),
        )
        now = monotonic()
        for name, heard_at in self._parts.activators_heard_at.items():
            ages.add_metric((name,), now - heard_at)
        yield ages
        yield GaugeMetricFamily(
            "inflight_autoscaler_event_readers",
            "Clients that follow /v1/events",
            value=self._parts.events.readers,
        )
