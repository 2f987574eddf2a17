"""Builds the controller, starts it, and ends it in order."""

import asyncio
import datetime as dt
import logging
from contextlib import AsyncExitStack
from pathlib import Path

from aiohttp import web

from controller.certificate_keeper import (
    CertificateKeeper,
    MountedCertificateKeeper,
    OwnCertificateKeeper,
)
from controller.config import Config
from controller.metrics import ControllerMetrics
from controller.served_certificate import ServedCertificate
from controller.webhook import Webhook
from servingkit.cluster.kubernetes.api import ApiClient
from servingkit.http1.engine import Engine
from servingkit.listening import ListenHost
from servingkit.metrics_page import MetricsPage
from servingkit.stop_signals import stop_at_signals

_log = logging.getLogger(__name__)


class Controller:
    """One controller, from its first certificate to its last review."""

    def __init__(self, config: Config) -> None:
        self.port = config.port
        """As bound once started, like the other."""

        self.metrics_port = config.metrics_port
        self._config = config
        self._host = ListenHost("LISTEN_HOST", config.listen_host)
        self._served = ServedCertificate()
        self._webhook = Webhook(config.sidecar)

    def __repr__(self) -> str:
        return f"<Controller {self._webhook!r}, {self._served!r}>"

    async def run(self, stopping: asyncio.Event, started: asyncio.Event | None = None) -> None:
        """Answer reviews until `stopping`; sets `started` once the ports listen.

        Raises:
            ConfigError: host or port cannot be listened on.
            OSError: the credentials of the pod are missing.
        """
        async with AsyncExitStack() as stack:
            keeper = await self._keeper(stack)
            engine = await stack.enter_async_context(Engine())
            metrics = ControllerMetrics(self._webhook.counts, lambda: keeper.expires_at)
            with self._host.with_port("METRICS_PORT", self.metrics_port):
                page = await engine.listen(
                    MetricsPage(metrics), self._host.value, self.metrics_port
                )
            stack.callback(page.abort)
            self.metrics_port = page.port
            async with asyncio.TaskGroup() as tasks:
                keeping = tasks.create_task(keeper.run())
                serving = tasks.create_task(self._serve(stack, started))
                await stopping.wait()
                if self._webhook.ready:
                    self._webhook.ready = False
                    # The API server still calls until it has heard that this pod is not ready.
                    await asyncio.sleep(self._config.drain_s)
                serving.cancel()
                keeping.cancel()

    async def _keeper(self, stack: AsyncExitStack) -> CertificateKeeper:
        certificate = self._config.certificate
        if isinstance(certificate, Path):
            return MountedCertificateKeeper(certificate, self._served)
        api = await stack.enter_async_context(ApiClient(certificate.access))
        return OwnCertificateKeeper(certificate, api, self._served, _now)

    async def _serve(self, stack: AsyncExitStack, started: asyncio.Event | None) -> None:
        """Listen as soon as there is a certificate to show."""
        await self._served.in_use.wait()
        application = self._webhook.application()
        runner = web.AppRunner(application, access_log=None, handle_signals=False)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)  # lets the reviews that run be answered
        site = web.TCPSite(runner, self._host.value, self.port, ssl_context=self._served.context)
        with self._host.with_port("PORT", self.port):
            await site.start()
        self.port = runner.addresses[0][1]
        self._webhook.ready = True
        _log.info("serving", extra={"port": self.port})
        if started is not None:
            started.set()


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


async def run(config: Config) -> None:
    """Serve until SIGTERM or SIGINT. A second signal ends at once."""
    await Controller(config).run(stop_at_signals())
