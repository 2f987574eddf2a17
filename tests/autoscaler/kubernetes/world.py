"""Replicas of the autoscaler on the fake API, with pods and activators that report."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable

import aiohttp

from activator import config as activator_config
from activator import kubernetes as activator_kubernetes
from activator.app import Activator
from autoscaler.config import Config
from autoscaler.core.defaults import parse_defaults
from autoscaler.kubernetes import give_back, program
from autoscaler.kubernetes.settings import KubernetesSettings
from servingkit.cluster.kubernetes.api import ApiClient
from servingkit.core.revision import RevisionId
from servingkit.core.stat import Stat
from servingkit.http1.engine import Engine
from servingkit.stat_wire import WireStat, encode_wire_stats
from tests.fakes.kube_api import KubeApi, Object
from tests.fakes.kube_controllers import Controllers, Ports
from tests.fakes.kube_objects import activator_slice, endpoint
from tests.fakes.kube_proxy import KubeProxy
from tests.fakes.stat_server import StatServer, stat_server
from tests.polling import until
from tests.ports import free_port

HOST = "127.0.0.1"
IRIS = RevisionId("shop", "iris")
DEPLOYMENTS = "deployments.apps"
SLICES = "endpointslices.discovery.k8s.io"
DEADLINE_S = 60.0

QUICK = parse_defaults({"stable-window": "6s", "scale-to-zero-grace-period": "1s"})


class Replica:
    """One autoscaler, in this process."""

    def __init__(self, kube: KubeApi, name: str) -> None:
        self.name = name
        self.config = Config(
            listen_host=HOST,
            stat_port=free_port(),
            api_port=free_port(),
            metrics_port=free_port(),
            defaults=QUICK,
        )
        self.settings = KubernetesSettings(
            access=kube.access, pod_name=name, namespace="inflight-system"
        )
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        running = program.scale_until(self._stopping, self.config, self.settings)
        self._task = asyncio.get_running_loop().create_task(running)

    async def stop(self) -> None:
        """End in order, as on SIGTERM."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait_for(self._task, DEADLINE_S)
            self._task = None

    async def kill(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def give_back(self) -> None:
        await asyncio.wait_for(give_back.run(self.config, self.settings), DEADLINE_S)


class World:
    """The API, its controllers and kube-proxy, activators, and pods that report."""

    def __init__(
        self, kube: KubeApi, sites: contextlib.AsyncExitStack, tasks: asyncio.TaskGroup
    ) -> None:
        self.kube = kube
        self.kube_proxy = KubeProxy(kube, tasks)
        self.controllers = Controllers(kube, self._ports_of)
        self.stats: dict[str, StatServer] = {}
        self.busy: Callable[[str], float] = lambda _: 0.0
        """How many requests a pod says are in it."""

        self._sites = sites
        self._tasks = tasks
        self._stat_ports: dict[str, int] = {}
        self.running: list[Replica] = []
        """The replicas that were started."""

        self._activators: list[asyncio.Task[None]] = []
        """Real ones, and what reports in their place."""

    def make(self, name: str) -> Replica:
        """Return a replica that is not started."""
        return Replica(self.kube, name)

    def replica(self, name: str = "autoscaler-1") -> Replica:
        replica = self.make(name)
        self.running.append(replica)
        replica.start()
        return replica

    async def close(self) -> None:
        for task in self._activators:
            task.cancel()
        for replica in self.running:
            await replica.kill()
        self.kube_proxy.close()

    # --- what the API has ------------------------------------------------------------------------

    def find(self, resource: str, name: str, namespace: str = "shop") -> Object | None:
        return self.kube.get(resource, namespace, name)

    def the(self, resource: str, name: str, namespace: str = "shop") -> Object:
        found = self.kube.get(resource, namespace, name)
        assert found is not None, f"no {resource} {name}"
        return found

    def replicas(self, name: str = "iris") -> int:
        replicas: int = self.the(DEPLOYMENTS, name)["spec"]["replicas"]
        return replicas

    def our_slices(self, service: str = "iris", namespace: str = "shop") -> list[Object]:
        return [
            one
            for one in self.kube.all(SLICES, namespace)
            if one["metadata"]["labels"].get("kubernetes.io/service-name") == service
            and one["metadata"]["labels"].get("endpointslice.kubernetes.io/managed-by")
            == "inflight.dev"
        ]

    def receivers(self, service: str = "iris", namespace: str = "shop") -> set[tuple[str, int]]:
        """Return the addresses to which our slices lead."""
        return {
            (host, port["port"])
            for one in self.our_slices(service, namespace)
            for endpoint in one["endpoints"]
            for host in endpoint["addresses"]
            for port in one["ports"]
        }

    def activator_port(self, name: str = "iris", namespace: str = "shop") -> int:
        service = self.the("services", f"{name}-private", namespace)
        return int(service["metadata"]["annotations"]["inflight.dev/activator-port"])

    def events(self, reason: str) -> list[str]:
        return [one["message"] for one in self.kube.all("events") if one["reason"] == reason]

    async def until(self, condition: Callable[[], object]) -> None:
        await until(condition, DEADLINE_S)

    async def until_managed(self, name: str = "iris", namespace: str = "shop") -> None:
        await self.until(lambda: self.find("services", f"{name}-private", namespace))
        await self.until(lambda: self.our_slices(name, namespace))

    # --- who reports -----------------------------------------------------------------------------

    def put_activator(self, name: str = "activator-1", host: str = HOST) -> None:
        """Have the cluster say that there is an activator; nothing listens."""
        self.kube.put(SLICES, activator_slice(endpoint(name, host)))

    async def start_activator(self, name: str = "activator-1") -> str:
        """Have a real activator that tells no autoscaler of its load; return its address."""
        # Of its own, since revisions of one name have the same port in all test runs.
        host = f"127.{1 + secrets.randbelow(250)}.{secrets.randbelow(250)}.{secrets.randbelow(250)}"
        api = await self._sites.enter_async_context(ApiClient(self.kube.access))
        engine = await self._sites.enter_async_context(Engine())
        view = activator_kubernetes.KubernetesView(api)
        self._activators.append(self._tasks.create_task(view.caches.run()))
        await view.caches.synced()
        config = activator_config.Config(
            name=name, listen_host=host, autoscaler_url="ws://127.0.0.1:1", port=0, metrics_port=0
        )
        activator = Activator(config, engine, view.revisions, view.pods)
        self._activators.append(self._tasks.create_task(activator.run()))
        self.put_activator(name, host)
        return host

    def report(
        self, replica: Replica, held: Callable[[], float], name: str = "activator-1"
    ) -> None:
        """Have an activator push `held()` requests in flight to a replica, each half second."""
        task = asyncio.get_running_loop().create_task(_push(replica, name, held))
        self._activators.append(task)

    async def start_stats(self, pods: int) -> None:
        """Have sidecars ready for so many pods."""
        for _ in range(pods):
            server = await self._sites.enter_async_context(stat_server("unknown"))
            self.stats[f"spare-{server.address.port}"] = server

    def _ports_of(self, pod: str) -> Ports:
        spare = next((name for name in self.stats if name.startswith("spare-")), None)
        if spare is None:
            return Ports(1, 1)
        server = self.stats[pod] = self.stats.pop(spare)
        server.stat = Stat(pod_name=pod, average_concurrent_requests=self.busy(pod))
        return Ports(server.address.port, server.address.port)


async def _push(replica: Replica, name: str, held: Callable[[], float]) -> None:
    url = f"ws://{HOST}:{replica.config.stat_port}/"
    async with aiohttp.ClientSession() as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError):
                async with session.ws_connect(url, params={"activator": name}) as socket:
                    while True:
                        stat = Stat(pod_name=name, average_concurrent_requests=held())
                        await socket.send_bytes(encode_wire_stats([WireStat(IRIS, stat)]))
                        await asyncio.sleep(0.5)
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def open_world() -> AsyncIterator[World]:
    async with (
        KubeApi().serve() as kube,
        contextlib.AsyncExitStack() as sites,
        asyncio.TaskGroup() as tasks,
    ):
        world = World(kube, sites, tasks)
        try:
            yield world
        finally:
            await world.close()
