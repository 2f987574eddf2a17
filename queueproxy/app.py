"""Builds the sidecar, starts it, and ends it in order."""

import asyncio
import gc
import logging
import sys
from io import FileIO
from typing import BinaryIO, cast

from queueproxy.admin_handler import AdminHandler, StatsHandler
from queueproxy.certificate import Certificate
from queueproxy.config import Config
from queueproxy.core.breaker import Breaker
from queueproxy.core.drain import Drain, DrainPhase
from queueproxy.merged_metrics import MOST_BYTES, MergedMetrics
from queueproxy.metrics import SidecarMetrics
from queueproxy.probe_handler import ProbeHandler
from queueproxy.prober import Prober
from queueproxy.proxy_handler import Limits, ProxiedRequest, ProxyHandler
from queueproxy.request_log import RequestLog
from servingkit.clock import monotonic
from servingkit.core.revision import Address
from servingkit.http1.client import HttpClient
from servingkit.http1.downstream import Service
from servingkit.http1.engine import Engine, Listener
from servingkit.http1.watcher import TimeLimits
from servingkit.listening import ListenHost
from servingkit.metrics_page import MetricsPage
from servingkit.stop_signals import stop_at_signals

_log = logging.getLogger(__name__)

_MODEL_HOST = "127.0.0.1"


class Sidecar:
    """One sidecar, from its listeners to its last request."""

    def __init__(self, config: Config, engine: Engine, tasks: asyncio.TaskGroup) -> None:
        self._config = config
        self._host = ListenHost("INFLIGHT_LISTEN_HOST", config.listen_host)
        self._engine = engine
        self._tasks = tasks
        self._drain = Drain(config.drain_quiet_s)
        self._prober = Prober(config.readiness_probes, HttpClient(engine), tasks)
        template = config.request_log
        self._request_log = (
            None
            if template is None
            else RequestLog(_output(), template, logs_probes=config.log_probes)
        )
        self._proxy = self._build_proxy()
        self._admin = AdminHandler(self._drain, self._follow_drain, self._limit)
        self._stats = StatsHandler(config.pod_name, self._proxy.stats, monotonic())
        self._metrics = self._build_metrics()
        self._certificate = _find_certificate(config)
        self._serving: list[Listener] = []
        self._followed_phase = DrainPhase.SERVING
        self._drained = asyncio.Event()
        self._over: asyncio.Event | None = None

    async def start(self) -> None:
        """Open the ports. Raises ConfigError when one cannot be had, or the host."""
        config = self._config
        await self._listen(self._admin, "INFLIGHT_ADMIN_PORT", config.admin_port)
        await self._listen(self._stats, "INFLIGHT_STATS_PORT", config.stats_port)
        await self._listen(self._metrics, "INFLIGHT_METRICS_PORT", config.metrics_port)
        await self._serve("QUEUE_SERVING_PORT", config.serving_port)
        if self._certificate is not None:
            await self._serve("QUEUE_SERVING_TLS_PORT", config.tls_port, self._certificate)
        self._engine.wheel.on_tick(self._tick)
        ports = [listener.port for listener in self._serving]
        _log.info("serving", extra={"ports": ports, "model": str(self._proxy.model)})

    async def drain(self) -> None:
        """Drain because the pod goes away for sure, then close when the last request has ended."""
        self._drain.begin(monotonic(), pod_deleted=True)
        self._follow_drain()
        self._prober.stop()
        await self._drained.wait()
        for listener in self._serving:
            listener.close()
        self._over = asyncio.Event()
        await self._over.wait()
        if self._request_log is not None:
            self._request_log.close()

    def _build_proxy(self) -> ProxyHandler:
        config = self._config
        concurrency = config.container_concurrency
        breaker = Breaker[ProxiedRequest](concurrency, config.queue_depth_at(concurrency))
        times = TimeLimits(config.timeout_s, config.response_start_timeout_s, config.idle_timeout_s)
        return ProxyHandler(
            Address(_MODEL_HOST, config.user_port),
            breaker,
            Limits(times, config.queue_timeout_s),
            ProbeHandler(self._prober, self._drain, lambda: breaker.container_concurrency),
            self._drain,
            self._request_log,
        )

    def _build_metrics(self) -> Service:
        page = MetricsPage(SidecarMetrics(self._proxy, self._engine.pool))
        model = self._config.model_metrics
        if model is None:
            return page
        client = HttpClient(self._engine, most_body_bytes=MOST_BYTES)
        address = Address(_MODEL_HOST, model.port)
        return MergedMetrics(page, address, model.path, client, self._tasks)

    async def _serve(self, key: str, port: int, certificate: Certificate | None = None) -> None:
        limits = self._config.client_limits
        tls = None if certificate is None else certificate.context
        with self._host.with_port(key, port):
            listener = await self._engine.listen(
                self._proxy, self._host.value, port, limits, tls=tls
            )
        self._serving.append(listener)

    async def _listen(self, service: Service, key: str, port: int) -> None:
        with self._host.with_port(key, port):
            await self._engine.listen(service, self._host.value, port)

    def _limit(self, changed: int | None) -> int:
        """Return the container concurrency, after a change if there is one."""
        if changed is not None:
            self._proxy.resize(changed, self._config.queue_depth_at(changed))
            _log.info("container concurrency changed", extra={"container_concurrency": changed})
        return self._proxy.breaker.container_concurrency

    def _follow_drain(self) -> None:
        """Do what the drain's phase asks for; answers from now on tell clients of it."""
        phase = self._drain.phase
        if phase is self._followed_phase:
            return
        self._followed_phase = phase
        _log.info("drain phase changed", extra={"phase": phase.value})
        for listener in self._serving:
            listener.drain(draining=phase is not DrainPhase.SERVING)
        if phase is DrainPhase.DRAINED:
            self._drained.set()

    def _tick(self, now: float) -> None:
        requests_under_way = self._proxy.stats.concurrency
        self._drain.look(now, requests_under_way, self._last_connection_at())
        self._follow_drain()
        if self._over is not None and not requests_under_way:
            self._over.set()
        self._proxy.tick(now)
        self._admin.release()
        self._stats.tick(now)
        if self._request_log is not None:
            self._request_log.tick()
        if self._certificate is not None:
            self._certificate.tick(now)

    def _last_connection_at(self) -> float:
        if self._drain.phase is not DrainPhase.DRAINING:
            return 0.0
        return max(listener.newest_silent_connection() for listener in self._serving)


def _output() -> BinaryIO:
    """Return standard output without a buffer."""
    return cast("BinaryIO", FileIO(sys.stdout.fileno(), "wb", closefd=False))


def _find_certificate(config: Config) -> Certificate | None:
    directory = config.certificate_directory
    if not Certificate.is_mounted(directory):
        return None
    versions = config.least_tls_version, config.most_tls_version
    return Certificate(directory, "INFLIGHT_CERTIFICATE_DIRECTORY", versions)


async def run(config: Config) -> None:
    """Serve until SIGTERM or SIGINT, then drain. A second signal ends at once."""
    stopping = stop_at_signals()
    async with Engine() as engine, asyncio.TaskGroup() as tasks:
        sidecar = Sidecar(config, engine, tasks)
        await sidecar.start()
        gc.freeze()  # what is there now stays; a full collection of it would halt all for 6 ms
        await stopping.wait()
        await sidecar.drain()
