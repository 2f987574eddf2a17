"""The activator as a process of its own, against the Kubernetes API."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from servingkit.cluster.kubernetes.permissions import ACTIVATOR
from tests.fakes.kube_api import KubeApi, permitted
from tests.fakes.kube_objects import endpoint, private_service, private_slice
from tests.fakes.web_server import web_server
from tests.integration.programs import process, takes_connections
from tests.polling import until
from tests.ports import free_port

if TYPE_CHECKING:
    from subprocess import Popen

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

DEADLINE_S = 60.0


@pytest_asyncio.fixture
async def kube() -> AsyncIterator[KubeApi]:
    async with KubeApi().serve() as kube:
        yield kube


@pytest_asyncio.fixture
async def sidecar_port() -> AsyncIterator[int]:
    """A pod that answers everything with its name."""

    async def answer(request: web.Request) -> web.Response:
        probe = "K-Network-Probe" in request.headers
        return web.Response(text="queue" if probe else "iris-1")

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    async with web_server(application) as address:
        yield address.port


class RunningActivator:
    def __init__(self, process: "Popen[bytes]", port: int, metrics_port: int) -> None:
        self.process = process
        self.port = port
        self.metrics_port = metrics_port

    @property
    def listens(self) -> bool:
        return takes_connections(self.port)


@contextlib.contextmanager
def activator(kube: KubeApi) -> Iterator[RunningActivator]:
    port, metrics_port = free_port(), free_port()
    environ = {
        "POD_NAME": "activator-1",
        "LISTEN_HOST": "127.0.0.1",
        "PORT": str(port),
        "METRICS_PORT": str(metrics_port),
        "AUTOSCALER_URL": "ws://127.0.0.1:1",
        "INFLIGHT_KUBERNETES_URL": kube.url,
        "DRAIN_QUIET_SECONDS": "0",
    }
    with process("activator", environ=environ) as started:
        yield RunningActivator(started, port, metrics_port)


async def get(port: int, *, path: str = "/", **headers: str) -> tuple[int, str]:
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(f"http://127.0.0.1:{port}{path}", headers=headers) as answer,
    ):
        return answer.status, await answer.text()


async def test_a_held_request_goes_to_the_pod_that_comes(kube: KubeApi, sidecar_port: int) -> None:
    own_port = free_port()
    kube.put("services", private_service(activator_port=own_port))
    with activator(kube) as running:
        await until(lambda: takes_connections(own_port), DEADLINE_S)
        asking = asyncio.get_running_loop().create_task(get(own_port, Host="api.example.com"))
        await until(lambda: "endpointslices.discovery.k8s.io" in kube.watches, DEADLINE_S)
        assert not asking.done()
        pods = private_slice(endpoint("iris-1"), port=sidecar_port)
        kube.put("endpointslices.discovery.k8s.io", pods)
        assert await asking == (200, "iris-1")
        assert running.process.poll() is None


async def test_listens_on_every_revisions_port_before_its_probe_passes(kube: KubeApi) -> None:
    ports = [free_port(), free_port()]
    kube.put("services", private_service("iris", activator_port=ports[0]))
    kube.put("services", private_service("bert", activator_port=ports[1]))
    kube.faults.forbidden = {("list", "endpointslices.discovery.k8s.io")}
    with activator(kube) as running:
        await until(lambda: kube.called("list", "endpointslices.discovery.k8s.io"), DEADLINE_S)
        assert not running.listens
        kube.faults.forbidden.clear()
        await until(lambda: running.listens, DEADLINE_S)
        kubelet = {"User-Agent": "kube-probe/1.33"}
        while (await get(running.port, **kubelet))[0] != 200:  # noqa: ASYNC110 -- another process
            await asyncio.sleep(0.01)
        assert all(takes_connections(port) for port in ports)


async def test_serves_on_while_the_api_is_away(kube: KubeApi, sidecar_port: int) -> None:
    own_port = free_port()
    kube.put("services", private_service(activator_port=own_port))
    pods = private_slice(endpoint("iris-1"), port=sidecar_port)
    kube.put("endpointslices.discovery.k8s.io", pods)
    with activator(kube):
        await until(lambda: takes_connections(own_port), DEADLINE_S)
        kube.faults.away = True
        kube.cut_watches()
        await until(lambda: not kube.watches)
        assert await get(own_port) == (200, "iris-1")


async def test_a_deleted_revision_is_unknown_at_once(kube: KubeApi) -> None:
    own_port = free_port()
    kube.put("services", private_service(activator_port=own_port))
    with activator(kube) as running:
        await until(lambda: takes_connections(own_port), DEADLINE_S)
        asking = asyncio.get_running_loop().create_task(get(own_port))
        waits = 'request_queued{k8s_namespace_name="shop",kn_revision_name="iris"} 1.0'
        async with asyncio.timeout(DEADLINE_S):
            while waits not in (await get(running.metrics_port, path="/metrics"))[1]:  # noqa: ASYNC110 -- another process
                await asyncio.sleep(0.01)
        kube.remove("services", "shop", "iris-private")
        status, _ = await asking
        assert status == 503
        await until(lambda: not takes_connections(own_port), DEADLINE_S)


async def test_ends_on_sigterm_also_before_it_has_seen_the_cluster(kube: KubeApi) -> None:
    kube.faults.forbidden = {("list", "services")}
    with activator(kube) as running:
        await until(lambda: kube.called("list", "services"), DEADLINE_S)
        running.process.send_signal(signal.SIGTERM)
        await until(lambda: running.process.poll() is not None, DEADLINE_S)
        assert running.process.returncode == 0


async def test_reads_only_services_and_slices(kube: KubeApi) -> None:
    with activator(kube) as running:
        await until(lambda: running.listens, DEADLINE_S)
        await until(lambda: len(kube.watches) == 2, DEADLINE_S)
    seen = {(call.verb, call.resource) for call in kube.calls}
    assert seen == permitted(ACTIVATOR)


async def test_names_every_bad_variable_and_exits_78() -> None:
    command = [sys.executable, "-m", "activator"]
    child = await asyncio.create_subprocess_exec(
        *command, env={"PORT": "x"}, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await child.communicate()
    assert child.returncode == 78
    for key in ("POD_NAME", "PORT", "KUBERNETES_SERVICE_HOST"):
        assert f"{key}: ".encode() in errors
