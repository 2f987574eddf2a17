"""The activator: built, wired, started, and ended in order.

`run` opens all ports before it says that it has started. After `stop` it fails its probes and has
every answer say `Connection: close`, but goes on holding and serving until nobody comes any more or
its grace period is nearly over; `core.drain` decides.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from activator.config import Config
from activator.core.drain import DrainPhase, DrainTimes, drain_phase
from activator.metrics import ActivatorMetrics
from activator.mirror import Mirrors
from activator.pod_prober import PodProber
from activator.proxy_handler import ProxyHandler
from activator.refusals import Cause
from activator.revision_gates import RevisionGates
from activator.revision_ports import RevisionPorts
from activator.route_handler import RouteHandler
from activator.route_metrics import RouteMetrics
from activator.stat_reporter import StatReporter
from servingkit.clock import monotonic
from servingkit.cluster.protocols import Pods, Revisions, Routes
from servingkit.config import ConfigError
from servingkit.core.revision import RevisionId
from servingkit.http1.client import HttpClient
from servingkit.http1.engine import Engine, Listener
from servingkit.listening import ListenHost
from servingkit.metrics_page import MetricsPage

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

_log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 0.05


class Activator:
    """One activator on an engine that has been entered; run it once."""

    def __init__(
        self,
        config: Config,
        engine: Engine,
        revisions: Revisions,
        pods: Pods,
        routes: Routes | None = None,
    ) -> None:
        """Serve the revisions of a cluster; `routes` None: by their own names only."""
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
        self._router = None if routes is None else self._build_router(routes)
        self._ports = RevisionPorts(engine, config, self._gates, self._proxy)
        self._drain_times = DrainTimes(
            hold_s=max(0.0, config.grace_period_s - config.refuse_before_end_s),
            grace_s=config.grace_period_s,
            quiet_s=config.drain_quiet_s,
        )
        self._stopping = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Activator {self._config.name} {self._gates!r} {self._reporter!r}>"

    def held_requests(self, revision_id: RevisionId) -> int:
        """Return how many requests wait for a pod; 0 for an unknown revision."""
        gate = self._gates.get(revision_id)
        return gate.throttler.waiting if gate is not None else 0

    @property
    def ready(self) -> bool:
        """Whether clients should be sent here: all ports listen, and it is not about to end."""
        return self._proxy.ready

    def stop(self, times: DrainTimes | None = None) -> None:
        """Begin to end in order, and return at once; `run` returns when that is done.

        Told again, it takes the new times, counted from the first order. None: as configured.
        """
        if times is not None:
            self._drain_times = times
        self._stopping.set()

    async def run(self, started: asyncio.Event | None = None) -> None:
        """Serve until stopped; sets `started` when all ports listen. Cancelling breaks all off.

        Raises ConfigError for its host or a port of its own that cannot be had; a port of a
        revision is tried again.
        """
        serving, metrics = await self._listen()
        async with self._tasks:
            background = [
                self._tasks.create_task(self._reporter.run()),
                self._tasks.create_task(self._gates.keep_asking()),
            ]
            try:
                self._gates.follow(self._revision_changed)
                await self._ports.open_all()
                background.append(self._tasks.create_task(self._ports.run()))
                self._proxy.ready = True
                facts = {"port": self.port, "metrics_port": self.metrics_port}
                _log.info("serving", extra=facts)
                if started is not None:
                    started.set()
                await self._stopping.wait()
                await self._drain(serving)
            finally:
                self._break_off(serving, metrics)
                for task in background:
                    task.cancel()

    def _build_router(self, routes: Routes) -> RouteHandler:
        domain = self._config.cluster_domain
        return RouteHandler(routes, self._gates, self._proxy, Mirrors(self._engine), domain)

    def _revision_changed(self, revision_id: RevisionId) -> None:
        self._ports.revision_changed(revision_id)
        if self._router is not None:
            self._router.revision_changed(revision_id)

    async def _listen(self) -> tuple[Listener, Listener]:
        config = self._config
        host = ListenHost("LISTEN_HOST", config.listen_host)
        service = self._router or self._proxy
        with host.with_port("PORT", config.port):
            serving = await self._engine.listen(
                service, host.value, config.port, config.client_limits
            )
        collectors: list[Collector] = [ActivatorMetrics(self._gates, self._reporter)]
        if self._router is not None:
            collectors.append(RouteMetrics(self._router))
        handler = MetricsPage(*collectors)
        try:
            with host.with_port("METRICS_PORT", config.metrics_port):
                metrics = await self._engine.listen(handler, host.value, config.metrics_port)
        except (ConfigError, OSError):
            serving.abort()
            raise
        self.port, self.metrics_port = serving.port, metrics.port
        return serving, metrics

    async def _drain(self, serving: Listener) -> None:
        """Go on until nobody needs this activator any more, or time is over."""
        began_at = monotonic()
        self._proxy.ready = False
        serving.drain()
        self._ports.drain()
        _log.info("draining", extra={"grace_s": self._drain_times.grace_s})
        phase = DrainPhase.HOLDING
        while phase is not DrainPhase.OVER:
            await asyncio.sleep(_LOOK_EVERY_S)
            if phase is DrainPhase.REFUSING:
                self._gates.close(Cause.SHUTTING_DOWN)
            now = monotonic()
            last_sign_at = max(
                self._proxy.last_request_at,
                serving.newest_silent_connection(),
                self._ports.newest_silent_connection(),
            )
            phase = drain_phase(
                self._drain_times,
                now - began_at,
                now - last_sign_at,
                self._reporter.total_concurrency,
            )

    def _break_off(self, serving: Listener, metrics: Listener) -> None:
        """Refuse what waits, reset what runs, and let answers arrive that were given."""
        self._proxy.ready = False
        self._gates.close(Cause.SHUTTING_DOWN)
        if unfinished := self._reporter.total_concurrency:
            _log.warning("requests broken off", extra={"requests": unfinished})
        serving.break_off()
        self._ports.break_off()
        metrics.abort()
