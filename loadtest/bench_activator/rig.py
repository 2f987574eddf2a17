"""What the cases run on: an activator, real sidecars, and one process for the models of all.

The activator has a core for itself; everything else shares the others.
"""

import asyncio
import json
import os
import secrets
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from loadtest.bench.connection import HOST
from loadtest.bench.peers.inflight_peer import InflightPeer
from loadtest.bench.peers.peer import Seat
from loadtest.bench.process import Usage, usage_of
from loadtest.bench_activator.activator_host import TIMEOUT_S
from loadtest.child import running
from servingkit.clock import monotonic
from servingkit.core.revision import PodState

_WITHIN_S: Final = 60.0
_LOOK_AGAIN_AFTER_S: Final = 0.05
_LONG: Final = {"REVISION_TIMEOUT_SECONDS": str(TIMEOUT_S)}
_PORTS: Final = range(10_000, 20_000)
_MOST_LINE_BYTES: Final = 256 * 1024 * 1024


Times = Literal["fixed", "uniform", "exponential"]
"""How long requests take in a model, about a mean: see `model_stub`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSeat:
    """A sidecar that runs, and the port of its model."""

    name: str
    port: int
    model_port: int
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSeen:
    """What one model has seen; times are monotonic seconds of this machine."""

    began_at: float
    peak: int
    arrivals: Sequence[float]
    ends: Sequence[float]


class LinePeer:
    """A process that is told things line by line, and may answer each with a line."""

    def __init__(self, process: Process) -> None:
        self.pid = process.pid
        self._process = process

    async def tell(self, message: Mapping[str, object]) -> None:
        """Write a line."""
        assert self._process.stdin is not None  # noqa: S101 -- it was opened as a pipe
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        await self._process.stdin.drain()

    async def hear(self) -> dict[str, Any]:
        """Read a line. Raises TimeoutError, and ValueError when there is none."""
        assert self._process.stdout is not None  # noqa: S101 -- it was opened as a pipe
        async with asyncio.timeout(_WITHIN_S):
            heard: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return heard


def _free_ports() -> Iterator[int]:
    """Yield ports where nobody listens, from a range that kernels give to no connection's near end.

    Such a port stays free until it is used, also while many connections are opened.
    """
    start = secrets.randbelow(len(_PORTS))
    for port in (*_PORTS[start:], *_PORTS[:start]):
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)):
                yield port


@dataclass(slots=True)
class Rig:
    """An activator and a process for models; pods are added one by one."""

    activator: LinePeer
    models: LinePeer
    container_concurrency: int
    annotations: Mapping[str, str]
    folder: Path
    stack: AsyncExitStack
    port: int = 0
    """Of the activator, for the one revision."""

    metrics_port: int = 0
    pods: list[PodSeat] = field(default_factory=list)
    _ports: Iterator[int] = field(default_factory=_free_ports)

    def usage(self) -> Usage:
        """Return what the activator has used until now."""
        return usage_of(self.activator.pid)

    async def add_pod(self, model_port: int | None = None) -> PodSeat:
        """Start a sidecar that the activator does not know yet.

        `model_port`: of a model that somebody else runs. None: one of ours, to be told to listen.
        """
        number = len(self.pods) + 1
        folder = self.folder / f"pod-{number}"
        folder.mkdir()
        seat = Seat(
            folder=folder,
            port=next(self._ports),
            upstream_port=model_port or next(self._ports),
            limit=self.container_concurrency,
        )
        launch = InflightPeer(limited=self.container_concurrency > 0).launch(seat)
        log = folder / "log"
        process = await self.stack.enter_async_context(
            running(launch.command, log, log, {**launch.environ, **_LONG})
        )
        pod = PodSeat(
            name=f"pod-{number}", port=seat.port, model_port=seat.upstream_port, pid=process.pid
        )
        self.pods.append(pod)
        return pod

    async def start_pods(self, count: int, mean_s: float, times: Times = "fixed") -> None:
        """Start pods whose models listen, and wait until all sidecars take connections."""
        pods = [await self.add_pod() for _ in range(count)]
        await self.listen(pods, mean_s, times)
        for pod in pods:
            await until_listening(pod.port)

    async def listen(self, pods: Sequence[PodSeat], mean_s: float, times: Times = "fixed") -> None:
        """Have the models of these pods listen; requests take `mean_s`, or so on average."""
        ports = [pod.model_port for pod in pods]
        await self.models.tell({"listen": ports, "mean_s": mean_s, "times": times})
        await self.models.hear()

    async def show(self, pods: Sequence[PodSeat], state: PodState = PodState.READY) -> None:
        """Show the activator these pods, all in this state, and no others."""
        await self.activator.tell(self._view(pods, state))

    async def start(self) -> None:
        """Show the activator that there is no pod, and take its ports."""
        await self.show(())
        ports = await self.activator.hear()
        self.port, self.metrics_port = ports["port"], ports["metrics_port"]

    async def report(self) -> dict[int, ModelSeen]:
        """Return what each model has seen since the last report, by its port."""
        await self.models.tell({"report": True})
        return {int(port): ModelSeen(**seen) for port, seen in (await self.models.hear()).items()}

    async def metric(self, name: str) -> float:
        """Return the sum of a metric of the activator over all its labels."""
        page = await fetch(self.metrics_port, "/metrics")
        return sum(
            float(line.rpartition(" ")[2])
            for line in page.splitlines()
            if line.partition("{")[0].partition(" ")[0] == name
        )

    def _view(self, pods: Sequence[PodSeat], state: PodState) -> Mapping[str, object]:
        return {
            "container_concurrency": self.container_concurrency,
            "annotations": self.annotations,
            "pods": [{"name": pod.name, "port": pod.port, "state": state.value} for pod in pods],
        }

    async def until_held(self, count: int) -> None:
        """Wait until so many requests wait for a pod. Raises TimeoutError."""
        async with asyncio.timeout(_WITHIN_S):
            while await self.metric("kn_revision_request_queued") < count:  # noqa: ASYNC110 -- a poll
                await asyncio.sleep(_LOOK_AGAIN_AFTER_S)


@asynccontextmanager
async def rig(
    folder: Path,
    core: int | None,
    container_concurrency: int,
    annotations: Mapping[str, str] | None = None,
    autoscaler_url: str | None = None,
) -> AsyncIterator[Rig]:
    """Run an activator on `core` (None: on any) and a process for models during the block.

    It reports to `autoscaler_url`. None: to nobody.
    """
    folder.mkdir(parents=True)  # noqa: ASYNC240 -- before anything is measured
    async with AsyncExitStack() as stack:
        models = await stack.enter_async_context(
            _line_peer("model_stub", folder / "models.log", None, {})
        )
        environ = {} if autoscaler_url is None else {"AUTOSCALER_URL": autoscaler_url}
        activator = await stack.enter_async_context(
            _line_peer("activator_host", folder / "activator.log", core, environ)
        )
        place = Rig(
            activator=activator,
            models=models,
            container_concurrency=container_concurrency,
            annotations=annotations or {},
            folder=folder,
            stack=stack,
        )
        await place.start()
        yield place


@asynccontextmanager
async def _line_peer(
    module: str, log: Path, core: int | None, environ: Mapping[str, str]
) -> AsyncIterator[LinePeer]:
    """Run a program of this package; the end of its input ends it."""
    pin = () if core is None else ("taskset", "--cpu-list", str(core))
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *pin,
            *(sys.executable, "-m", f"loadtest.bench_activator.{module}"),
            stdin=PIPE,
            stdout=PIPE,
            stderr=errors,
            limit=_MOST_LINE_BYTES,
            env={**os.environ, **environ},
            start_new_session=True,
        )
    try:
        yield LinePeer(process)
    finally:
        assert process.stdin is not None  # noqa: S101 -- it was opened as a pipe
        process.stdin.close()
        try:
            async with asyncio.timeout(_WITHIN_S):
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()


async def until_listening(port: int) -> None:
    """Wait until somebody listens on a port. Raises TimeoutError."""
    give_up_at = monotonic() + _WITHIN_S
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError as error:
            if monotonic() > give_up_at:
                raise TimeoutError from error
            await asyncio.sleep(_LOOK_AGAIN_AFTER_S)
        else:
            writer.close()
            return


async def fetch(port: int, path: str) -> str:
    """Return the body of an answer."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
    finally:
        writer.close()
    return answer.partition(b"\r\n\r\n")[2].decode()
