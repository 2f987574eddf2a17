"""The activator: built, wired, started, and ended in order.

`run` opens all ports before it says that it has started. On cancel it goes on serving and holding
until every request has ended, at most for the drain time; what still waits then is answered 503.
"""

import asyncio
import logging

from activator.config import Config
from activator.metrics import ActivatorMetrics
from activator.pod_prober import PodProber
from activator.proxy_handler import ProxyHandler
from activator.refusals import Cause
from activator.revision_gates import RevisionGates
from activator.revision_ports import RevisionPorts
from activator.stat_reporter import StatReporter
from servingkit.cluster.protocols import Pods, Revisions
from servingkit.core.revision import RevisionId
from servingkit.http1.client import HttpClient
from servingkit.http1.engine import Engine, Listener
from servingkit.metrics_page import MetricsPage

_log = logging.getLogger(__name__)


class Activator:
    """One activator on an engine that has been entered; run it once."""

    def __init__(self, config: Config, engine: Engine, revisions: Revisions, pods: Pods) -> None:
        self.port = config.port
        """Where requests of all revisions come in; as bound once started, like the next."""

        self.metrics_port = config.metrics_port
        self._config = config
        self._engine = engine
        self._tasks = asyncio.TaskGroup()
        self._reporter = StatReporter(config.autoscaler_url, config.name)
        prober = PodProber(HttpClient(engine), self._tasks)
        self._gates = RevisionGates(config, revisions, pods, prober)
        self._proxy = ProxyHandler(self._gates, self._reporter)
        self._ports = RevisionPorts(engine, config.listen_host, self._gates, self._proxy)

    def __repr__(self) -> str:
        return f"<Activator {self._config.name} {self._gates!r} {self._reporter!r}>"

    def held_requests(self, revision_id: RevisionId) -> int:
        """Return how many requests wait for a pod; 0 for an unknown revision."""
        gate = self._gates.get(revision_id)
        return gate.throttler.waiting if gate is not None else 0

    async def run(self, started: asyncio.Event | None = None) -> None:
        """Serve until cancelled; sets `started` when all ports listen.

        Raises OSError for a port of its own that cannot be had; one of a revision is tried again.
        """
        serving, metrics = await self._listen()
        async with self._tasks:
            self._tasks.create_task(self._reporter.run())
            self._gates.follow(self._ports.revision_changed)
            await self._ports.open_all()
            self._tasks.create_task(self._ports.run())
            self._proxy.ready = True
            _log.info("serving", extra={"port": self.port, "metrics_port": self.metrics_port})
            if started is not None:
                started.set()
            try:
                await asyncio.Event().wait()
            finally:
                await self._shut_down(serving)
                metrics.abort()

    async def _listen(self) -> tuple[Listener, Listener]:
        host = self._config.listen_host
        serving = await self._engine.listen(self._proxy, host, self._config.port)
        handler = MetricsPage(ActivatorMetrics(self._gates, self._reporter))
        try:
            metrics = await self._engine.listen(handler, host, self._config.metrics_port)
        except OSError:
            serving.abort()
            raise
        self.port, self.metrics_port = serving.port, metrics.port
        return serving, metrics

    async def _shut_down(self, serving: Listener) -> None:
        self._proxy.ready = False
        serving.drain()
        self._ports.drain()
        try:
            async with asyncio.timeout(self._config.drain_timeout_s):
                await self._proxy.all_ended()
        except TimeoutError:
            unfinished = self._reporter.total_concurrency
            _log.warning("requests broken off", extra={"requests": unfinished})
        finally:
            self._gates.close(Cause.SHUTTING_DOWN)
            serving.abort()
            self._ports.abort()
