"""The local cluster with real pods and nobody else: a test asks for pods by hand."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from inflight.local.activator_place import ActivatorPlace
from inflight.local.event import Event
from inflight.local.guard_link import GuardLink
from inflight.local.local_cluster import LocalCluster
from inflight.local.node import Node
from inflight.local.ports import pod_ports
from inflight.local.settings import LocalSettings, RevisionSettings
from servingkit.cluster.protocols import Activator, ClusterError
from servingkit.core.revision import Address, Mode, Pod, PodState, RevisionId
from servingkit.http1.client import HttpClient
from servingkit.http1.engine import Engine
from tests.inflight.local_process import command_line, descendants
from tests.polling import until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

IRIS = RevisionId("default", "iris")
SLEEPER = (sys.executable, "-m", "loadtest.sleeper")


@dataclass
class Watched:
    """A running cluster and all that it reported."""

    cluster: LocalCluster
    events: list[Event] = field(default_factory=list)
    changes: list[RevisionId] = field(default_factory=list)

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event.name == name]

    def states(self) -> list[PodState]:
        return [pod.state for pod in self.cluster.pods(IRIS)]

    async def scale(self, replicas: int) -> tuple[Pod, ...]:
        """Ask for pods and wait until just these are there and ready."""
        await self.cluster.set_scale(IRIS, replicas)
        await until(lambda: self.states() == [PodState.READY] * replicas)
        return self.cluster.pods(IRIS)

    def pid(self, program: str) -> int:
        (pid,) = (pid for pid in descendants(os.getpid()) if program.encode() in command_line(pid))
        return pid


@asynccontextmanager
async def running(
    folder: Path,
    *,
    command: tuple[str, ...] = SLEEPER,
    timeout_s: int = 60,
    readiness_probe: dict[str, object] | None = None,
) -> AsyncIterator[Watched]:
    revision = RevisionSettings(
        id=IRIS,
        command=command,
        command_key="COMMAND",
        port=0,
        timeout_s=timeout_s,
        environment={"COLOUR": "blue"},
        readiness_probe=readiness_probe,
    )
    events: list[Event] = []
    with closing(GuardLink()) as guard:
        async with Engine() as engine, asyncio.TaskGroup() as tasks:
            node = Node(
                client=HttpClient(engine),
                guard=guard,
                ports=pod_ports(),
                environment=os.environ,
                log_directory=folder,
                drain_quiet_s=0.2,
                report=events.append,
            )
            cluster = LocalCluster(LocalSettings(revisions=(revision,)), node)
            watched = Watched(cluster, events)
            cluster.on_pods_change(watched.changes.append)
            listening = asyncio.Event()
            tasks.create_task(cluster.run(listening))
            await listening.wait()
            try:
                yield watched
            finally:
                cluster.stop(grace_s=3)


async def test_pods_become_ready_and_their_names_are_never_used_again(tmp_path: Path) -> None:
    async with running(tmp_path) as watched:
        first = {pod.name for pod in await watched.scale(2)}
        await watched.scale(0)
        second = {pod.name for pod in await watched.scale(1)}
        assert first == {"iris-00001", "iris-00002"}
        assert second == {"iris-00003"}
        assert set(watched.changes) == {IRIS}
        assert await watched.cluster.get_scale(IRIS) == 1


async def test_http_readiness_probe_decides_when_a_pod_is_ready(tmp_path: Path) -> None:
    async with running(tmp_path, readiness_probe={"httpGet": {"path": "/stats"}}) as watched:
        await watched.scale(1)
    async with running(tmp_path, readiness_probe={"httpGet": {"path": "/none"}}) as watched:
        await watched.cluster.set_scale(IRIS, 1)
        with pytest.raises(TimeoutError):
            await until(lambda: watched.states() == [PodState.READY], within_s=2)
        await watched.cluster.set_scale(IRIS, 0)


GRPC_MODEL = """
import os
from concurrent.futures import ThreadPoolExecutor
import grpc

def check(request, context):
    return b"\\x08\\x01" if request == b"\\x0a\\x04iris" else b"\\x08\\x02"

server = grpc.server(ThreadPoolExecutor(2))
handlers = {"Check": grpc.unary_unary_rpc_method_handler(check)}
server.add_generic_rpc_handlers(
    (grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers),)
)
server.add_insecure_port("127.0.0.1:" + os.environ["PORT"])
server.start()
server.wait_for_termination()
"""


async def test_grpc_readiness_probe_decides_when_a_pod_is_ready(tmp_path: Path) -> None:
    command = (sys.executable, "-c", GRPC_MODEL)
    serving: dict[str, object] = {"grpc": {"service": "iris"}}
    async with running(tmp_path, command=command, readiness_probe=serving) as watched:
        await watched.scale(1)
    resting: dict[str, object] = {"grpc": {"service": "rose"}, "periodSeconds": 1}
    async with running(tmp_path, command=command, readiness_probe=resting) as watched:
        await watched.cluster.set_scale(IRIS, 1)
        with pytest.raises(TimeoutError):
            await until(lambda: watched.states() == [PodState.READY], within_s=2)
        await watched.cluster.set_scale(IRIS, 0)


async def test_model_gets_its_port_and_names_in_the_environment(tmp_path: Path) -> None:
    command = ("sh", "-c", f"env; pwd; exec {' '.join(SLEEPER)}")
    async with running(tmp_path, command=command) as watched:
        await watched.scale(1)
        written = (tmp_path / "iris-00001.model.log").read_text().splitlines()
        assert {"K_REVISION=iris", "K_SERVICE=iris", "COLOUR=blue", str(Path.cwd())} <= {*written}
        (port,) = (line for line in written if line.startswith("PORT="))
        assert 10_000 <= int(port.removeprefix("PORT=")) < 65_536


async def test_youngest_pod_goes_first(tmp_path: Path) -> None:
    async with running(tmp_path) as watched:
        old, *_ = await watched.scale(1)
        await watched.scale(2)
        assert [pod.name for pod in await watched.scale(1)] == [old.name]


async def asked_of(session: aiohttp.ClientSession, pod: Pod) -> dict[str, int]:
    """Return what the model says that it was asked."""
    async with session.get(f"http://{pod.serving}/stats") as response:
        found: dict[str, int] = await response.json()
        return found


async def test_running_request_is_finished_before_its_pod_goes(tmp_path: Path) -> None:
    async with running(tmp_path) as watched, aiohttp.ClientSession() as session:
        (pod,) = await watched.scale(1)

        async def request() -> int:
            async with session.get(f"http://{pod.serving}/?sleep=3000") as response:
                return response.status

        async with asyncio.TaskGroup() as tasks:
            answer = tasks.create_task(request())
            while (await asked_of(session, pod))["concurrency"] == 0:  # noqa: ASYNC110 -- HTTP
                await asyncio.sleep(0.01)
            await watched.cluster.set_scale(IRIS, 0)
            await until(lambda: watched.states() == [PodState.TERMINATING])
        assert answer.result() == 200
        await until(lambda: not watched.states())
        assert not watched.named("pod killed")


async def test_pod_that_does_not_end_in_time_is_killed(tmp_path: Path) -> None:
    script = f"trap '' TERM; {' '.join(SLEEPER)} & while :; do sleep 1; done"
    async with running(tmp_path, command=("sh", "-c", script), timeout_s=1) as watched:
        await watched.scale(1)
        await watched.cluster.set_scale(IRIS, 0)
        await until(lambda: not watched.states())
        assert watched.named("pod killed")


async def test_pod_whose_probes_fail_is_not_ready_until_they_succeed_again(tmp_path: Path) -> None:
    async with running(tmp_path) as watched:
        await watched.scale(1)
        sidecar = watched.pid("-m queueproxy")
        os.kill(sidecar, signal.SIGSTOP)
        await until(lambda: watched.states() == [PodState.STARTING])
        assert watched.named("pod not ready")
        os.kill(sidecar, signal.SIGCONT)
        await until(lambda: watched.states() == [PodState.READY])


@pytest.mark.parametrize("program", ["-m queueproxy", "-m loadtest.sleeper"])
async def test_pod_that_lost_a_process_is_replaced_at_once(tmp_path: Path, program: str) -> None:
    async with running(tmp_path) as watched:
        (lost,) = await watched.scale(1)
        os.kill(watched.pid(program), signal.SIGKILL)
        await until(lambda: lost.name not in {pod.name for pod in watched.cluster.pods(IRIS)})
        await until(lambda: watched.states() == [PodState.READY])
        (event,) = watched.named("pod failed")
        assert event.facts["reason"] == "signal 9 (Killed)"


async def test_public_port_follows_the_mode(tmp_path: Path) -> None:
    async with running(tmp_path) as watched, aiohttp.ClientSession() as session:
        await watched.scale(1)
        url = watched.cluster.url(IRIS)
        with pytest.raises(aiohttp.ClientError):  # nobody plays the activator here
            await session.get(url)
        await watched.cluster.publish(IRIS, Mode.SERVE, 2)
        async with session.get(url) as response:
            assert response.status == 200
        await watched.scale(0)
        with pytest.raises(aiohttp.ClientError):
            await session.get(url)


async def test_revision_has_an_activator_port_of_its_own(tmp_path: Path) -> None:
    async with running(tmp_path) as watched:
        told: list[RevisionId] = []
        watched.cluster.on_revision_change(told.append)
        assert told == [IRIS]
        assert 20_000 <= watched.cluster.revisions()[IRIS].activator_port < 30_000


async def test_activators_are_those_that_are_ready(tmp_path: Path) -> None:
    async with running(tmp_path) as watched:
        cluster = watched.cluster
        port = cluster.revisions()[IRIS].activator_port
        one = ActivatorPlace("a-1", "127.0.0.2", 0, 0)
        two = ActivatorPlace("a-2", "127.0.0.3", 0, 0)
        endpoint = cluster._local[IRIS].endpoint
        assert cluster.activators() == ()
        cluster.set_activators((one, two))
        assert cluster.activators() == (Activator("a-1", one.host), Activator("a-2", two.host))
        assert endpoint.reaches(Address(one.host, port))
        cluster.set_activators((two,))
        assert not endpoint.reaches(Address(one.host, port))
        cluster.set_activators(())
        assert cluster.activators() == ()
        assert endpoint.reaches(Address(two.host, port))  # never left without any


async def test_unknown_revision_is_a_cluster_error(tmp_path: Path) -> None:
    nobody = RevisionId("default", "nobody")
    async with running(tmp_path) as watched:
        assert watched.cluster.pods(nobody) == ()
        with pytest.raises(ClusterError):
            await watched.cluster.set_scale(nobody, 1)
        with pytest.raises(ClusterError):
            await watched.cluster.publish(nobody, Mode.SERVE, 2)
