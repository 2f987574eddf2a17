"""An activator between clients and fake sidecars, on real sockets."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from activator.app import Activator
from activator.config import Config
from activator.core.admission_settings import AdmissionSettings
from activator.core.trusted_networks import read_networks
from servingkit.core.revision import Address, PodState, Revision, RevisionId
from servingkit.http1.client import Fetched, HttpClient
from servingkit.http1.core.message import Header
from servingkit.http1.downstream import ServerLimits
from servingkit.http1.engine import Engine, Listener
from servingkit.http1.exchange import Exchange
from servingkit.http1.request_reader import RequestLimits
from servingkit.http1.watcher import Unwatched
from tests.fakes.cluster import FakeCluster, pod

HOST = "127.0.0.1"
IRIS = RevisionId("default", "iris")
TO_IRIS: tuple[Header, ...] = (
    (b"Knative-Serving-Namespace", b"default"),
    (b"Knative-Serving-Revision", b"iris"),
)
NOBODY = "ws://127.0.0.1:1"


class FakeSidecar:
    """Enforces its limit as the sidecar does; its model answers when a test says so."""

    def __init__(self, name: str, container_concurrency: int) -> None:
        self.name = name
        self.container_concurrency = container_concurrency
        self.ready = True
        self.reason = b""
        """Refuse everything with this, when set."""
        self.running: list[Exchange] = []
        self.most_running = 0
        self.seen: list[dict[bytes, bytes]] = []
        self.refused = 0
        self.probes = 0
        self.listener: Listener

    @property
    def address(self) -> Address:
        return Address(HOST, self.listener.port)

    def __call__(self, exchange: Exchange) -> None:
        fields = exchange.request.fields
        if fields.get(b"k-network-probe") == b"queue":
            self._answer_probe(exchange)
        elif self.reason:
            self._refuse(exchange, self.reason)
        elif len(self.running) >= (self.container_concurrency or 10**9):
            self._refuse(exchange, b"queue-full")
        else:
            self.seen.append(fields)
            self.running.append(exchange)
            self.most_running = max(self.most_running, len(self.running))
            exchange.watcher = Running(self, exchange)

    def finish(self, count: int = 1) -> None:
        """Have the model answer its oldest requests."""
        for exchange in self.running[:count]:
            exchange.answer(200, (), self.name.encode())

    def _answer_probe(self, exchange: Exchange) -> None:
        self.probes += 1
        if self.ready:
            stated = b"%d" % self.container_concurrency
            exchange.answer(200, ((b"Inflight-Container-Concurrency", stated),), b"queue")
        else:
            exchange.answer(503)

    def _refuse(self, exchange: Exchange, reason: bytes) -> None:
        self.refused += 1
        exchange.answer(429, ((b"Inflight-Reason", reason),), b"refused")


class Running(Unwatched):
    __slots__ = ("_exchange", "_sidecar")

    def __init__(self, sidecar: FakeSidecar, exchange: Exchange) -> None:
        self._sidecar = sidecar
        self._exchange = exchange

    def ended(self) -> None:
        self._sidecar.running.remove(self._exchange)


class World:
    """Activators live on the engine `inside`; clients and sidecars on the one `outside`."""

    def __init__(self, inside: Engine, outside: Engine) -> None:
        self.cluster = FakeCluster()
        self.client = HttpClient(outside)
        self._inside = inside
        self._outside = outside
        self._running: list[asyncio.Task[None]] = []
        self._asking: list[asyncio.Task[Fetched]] = []

    async def start_activator(
        self,
        name: str = "activator-1",
        *,
        url: str = NOBODY,
        trusted: str = "127.0.0.0/8",
        **settings: float,
    ) -> Activator:
        config = Config(
            name=name,
            listen_host=HOST,
            autoscaler_url=url,
            trusted_networks=read_networks(trusted),
            port=0,
            metrics_port=0,
            admission=AdmissionSettings(queue_limit=int(settings.get("queue_limit", 100))),
            held_limit=int(settings.get("held_limit", 50_000)),
            grace_period_s=settings.get("grace_period_s", 600.0),
            refuse_before_end_s=settings.get("refuse_before_end_s", 10.0),
            drain_quiet_s=settings.get("drain_quiet_s", 0.0),
            client_limits=ServerLimits(
                request=RequestLimits(body_bytes=int(settings.get("body_bytes", 0)))
            ),
        )
        activator = Activator(config, self._inside, self.cluster, self.cluster, self.cluster)
        started = asyncio.Event()
        self._running.append(asyncio.create_task(activator.run(started)))
        async with asyncio.timeout(60):
            await started.wait()
        return activator

    async def stop(self) -> None:
        for task in (*self._asking, *self._running):
            task.cancel()
        for task in (*self._asking, *self._running):
            with suppress(asyncio.CancelledError):
                await task

    async def activator_over(self) -> None:
        """Wait for the end of the newest activator, which was told to stop."""
        async with asyncio.timeout(60):
            await self._running.pop()

    def put_revision(
        self,
        container_concurrency: int = 1,
        annotations: Mapping[str, str] | None = None,
        **settings: float,
    ) -> None:
        self.cluster.put_revision(
            Revision(
                id=IRIS,
                uid=f"{settings.get('uid', 1):g}",
                annotations=annotations or {},
                container_concurrency=container_concurrency,
                timeout_s=settings.get("timeout_s", 300.0),
                activator_port=int(settings.get("activator_port", 0)),
            )
        )

    async def start_sidecar(
        self, name: str = "pod-1", container_concurrency: int = 1
    ) -> FakeSidecar:
        sidecar = FakeSidecar(name, container_concurrency)
        sidecar.listener = await self._outside.listen(sidecar, HOST, 0)
        return sidecar

    def put_pods(self, *sidecars: FakeSidecar, state: PodState = PodState.READY) -> None:
        pods = (pod(sidecar.name, state, serving=sidecar.address) for sidecar in sidecars)
        self.cluster.put_pods(IRIS, *pods)

    def send(
        self,
        activator: Activator,
        method: bytes = b"GET",
        body: bytes = b"",
        headers: Sequence[Header] = TO_IRIS,
    ) -> None:
        """Ask, and leave the answer."""
        asking = self.ask(activator, method, body, headers)
        asking.add_done_callback(lambda task: task.cancelled() or task.exception())

    def ask(
        self,
        activator: Activator,
        method: bytes = b"GET",
        body: bytes = b"",
        headers: Sequence[Header] = TO_IRIS,
    ) -> asyncio.Task[Fetched]:
        address = Address(HOST, activator.port)
        asking = asyncio.create_task(
            self.client.fetch(address, method, b"/", headers, body, timeout_s=60)
        )
        self._asking.append(asking)
        return asking
