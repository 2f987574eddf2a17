"""The autoscaler: built, wired, started and stopped.

`run` opens the stat websocket first, so that a restarted autoscaler hears its activators before it
decides; on cancel the loops end first, so that nothing is written any more, then the listeners.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack

from aiohttp import web

from autoscaler.activator_probe import ActivatorProbe
from autoscaler.api import api_application
from autoscaler.cluster import Cluster
from autoscaler.config import Config
from autoscaler.core.defaults import Defaults
from autoscaler.defaults_watch import DefaultsWatch
from autoscaler.event_stream import EventStream
from autoscaler.garbage import collect_rarely
from autoscaler.metrics_service import MetricsService
from autoscaler.model_metrics_scraper import ModelMetricsScraper
from autoscaler.multiscaler import Multiscaler
from autoscaler.process_metrics import Parts, ProcessMetrics
from autoscaler.scraper import Scraper
from autoscaler.stat_receiver import StatReceiver
from autoscaler.status import RevisionDetail, RevisionStatus, detail_of, status_of
from servingkit.clock import monotonic
from servingkit.core.revision import RevisionId
from servingkit.http1.client import HttpClient
from servingkit.http1.engine import Engine
from servingkit.listening import ListenHost
from servingkit.metrics_page import MetricsPage

__all__ = ["Autoscaler", "Cluster"]


class Autoscaler:
    """Scales the revisions of one cluster while it runs."""

    def __init__(
        self, config: Config, cluster: Cluster, more_routes: Sequence[web.RouteDef] = ()
    ) -> None:
        """Scale `cluster`; `more_routes` are served beside the API's own, on its port."""
        self.stat_port = config.stat_port
        """Where activators connect; the port as bound once started, like the other two."""

        self.api_port = config.api_port
        self.metrics_port = config.metrics_port
        self._host = ListenHost("LISTEN_HOST", config.listen_host)
        self._cluster = cluster
        self._more_routes = more_routes
        self._activators_heard_at: dict[str, float] = {}
        self._engine = Engine()
        probe = ActivatorProbe(HttpClient(self._engine), cluster.public_endpoints)
        self._multiscaler = Multiscaler(
            cluster, config.defaults, self._activators_heard_at, probe.ask
        )
        self._defaults = DefaultsWatch(config.defaults, config.defaults_source)
        self._defaults.on_change(self._multiscaler.set_defaults)
        self._receiver = StatReceiver(self._activators_heard_at, self._multiscaler.receive)

    def __repr__(self) -> str:
        return f"<Autoscaler {self._multiscaler!r} {self._receiver!r}>"

    async def run(self, started: asyncio.Event | None = None) -> None:
        """Scale until cancelled; sets `started` once all ports listen.

        Raises:
            ConfigError: host or port cannot be listened on; nothing was scaled then.
        """
        engine = self._engine
        scraper = Scraper(HttpClient(engine), self._cluster.pods, self._multiscaler.tracked)
        model_scraper = ModelMetricsScraper(
            HttpClient(engine), self._cluster.pods, self._multiscaler.tracked
        )
        events = EventStream(self._multiscaler.journal, self._matching)
        parts = Parts(self._multiscaler, scraper, self._receiver, events, self._activators_heard_at)
        metrics = MetricsPage(ProcessMetrics(parts), self._defaults)
        async with AsyncExitStack() as sites:
            stats = self._receiver.application()
            with self._host.with_port("STAT_PORT", self.stat_port):
                self.stat_port = await self._listen(sites, stats, self.stat_port)
            service = MetricsService(metrics, self._each_status)
            with self._host.with_port("METRICS_PORT", self.metrics_port):
                page = await engine.listen(service, self._host.value, self.metrics_port)
            sites.callback(page.abort)
            self.metrics_port = page.port
            api = api_application(self._each_status, self.detail, events, self._defaults.as_json)
            api.add_routes(self._more_routes)
            with self._host.with_port("API_PORT", self.api_port):
                self.api_port = await self._listen(sites, api, self.api_port)
            # First of all, since the sites wait for those who read.
            sites.callback(self._multiscaler.journal.close)
            async with engine, asyncio.TaskGroup() as loops:
                loops.create_task(collect_rarely())
                loops.create_task(self._defaults.run())
                loops.create_task(self._multiscaler.run())
                loops.create_task(scraper.run())
                loops.create_task(model_scraper.run())
                if started is not None:
                    started.set()

    def on_defaults_change(self, callback: Callable[[Defaults], None]) -> None:
        """Call back with the new defaults when the file of them has changed."""
        self._defaults.on_change(callback)

    def statuses(self) -> list[RevisionStatus]:
        """Return how each revision stands."""
        now = monotonic()
        tracked = self._multiscaler.tracked.values()
        return [status_of(revision, self._cluster, now) for revision in tracked]

    def status(self, revision_id: RevisionId) -> RevisionStatus | None:
        """Return how a revision stands; None for one that is not being scaled."""
        tracked = self._multiscaler.tracked.get(revision_id)
        return status_of(tracked, self._cluster, monotonic()) if tracked else None

    def detail(self, revision_id: RevisionId) -> RevisionDetail | None:
        """Return all that is known of a revision; None for one that is not being scaled."""
        tracked = self._multiscaler.tracked.get(revision_id)
        return detail_of(tracked, self._cluster, monotonic()) if tracked else None

    def _each_status(self) -> Iterator[RevisionStatus]:
        """Return the statuses one by one; others may come and go meanwhile."""
        for revision_id in tuple(self._multiscaler.tracked):
            status = self.status(revision_id)
            if status is not None:
                yield status

    def _matching(self, match: str, most: int) -> tuple[list[RevisionStatus], int]:
        """Return the statuses of the first revisions with `match` in their names, and all such."""
        matching = sorted(key for key in self._multiscaler.tracked if match in str(key))
        statuses = (self.status(revision_id) for revision_id in matching[:most])
        return [status for status in statuses if status is not None], len(matching)

    async def _listen(self, sites: AsyncExitStack, application: web.Application, port: int) -> int:
        """Serve `application` until `sites` closes; return the port as bound."""
        runner = web.AppRunner(application, access_log=None, handle_signals=False)
        await runner.setup()
        sites.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, self._host.value, port).start()
        bound: int = runner.addresses[0][1]
        return bound
