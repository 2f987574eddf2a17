"""One pod on this machine: a model and its sidecar, started, probed, drained and ended.

The kubelet's part of Kubernetes: it decides nothing about how many pods there are
(`inflight.local.replica_set` does) and never restarts a process; a pod that lost one is over.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Literal, NamedTuple

from inflight.local.child_process import ChildProcess, Program, describe_exit
from inflight.local.event import Event
from inflight.local.node import HOST, Node
from inflight.local.pod_programs import PodPorts, model_program, sidecar_program
from inflight.local.settings import RevisionSettings
from servingkit.clock import monotonic
from servingkit.core.revision import Address, Pod, PodState
from servingkit.http1.client import FetchError

_PROBE_HEADERS = ((b"User-Agent", b"kube-probe/inflight-local"), (b"K-Network-Probe", b"queue"))
_PROBE_TIMEOUT_S = 1.0
_STARTING_PROBE_EVERY_S = 0.1
_READY_PROBE_EVERY_S = 1.0
_ROUTED_LOOK_EVERY_S = 0.05
_FAILURE_THRESHOLD = 3
_LOST_POD_GRACE_S = 2.0
_LAST_LINES = 50

Container = Literal["model", "sidecar"]


class ContainerExit(NamedTuple):
    """The end of the first process that a pod lost."""

    container: Container
    reason: str
    last_lines: tuple[str, ...]


class LocalPod:
    """A model process and its sidecar: call `live`, then `end`, then `release` in any case."""

    def __init__(
        self,
        name: str,
        settings: RevisionSettings,
        node: Node,
        on_change: Callable[[], None],
        is_routed: Callable[[Address], bool],
    ) -> None:
        self.name = name
        self.state = PodState.STARTING
        self.created_at = monotonic()
        self._settings = settings
        self._node = node
        self._on_change = on_change
        self._is_routed = is_routed
        self._ports = PodPorts.take(node.ports)
        self._deletion = asyncio.Event()
        self._grace_s: float = settings.timeout_s
        self._started_at: float | None = None
        self._ready_at: float | None = None
        self._processes: list[ChildProcess] = []
        self._kill_timer: asyncio.Timeout | None = None

    def __repr__(self) -> str:
        return f"<LocalPod {self.name} {self.state.value}>"

    def as_pod(self) -> Pod:
        """Return what the other programs see of it."""
        return Pod(
            name=self.name,
            state=self.state,
            serving=Address(HOST, self._ports.serving),
            stats=Address(HOST, self._ports.stats),
            metrics=Address(HOST, self._ports.metrics),
            created_at=self.created_at,
            started_at=self._started_at,
        )

    def delete(self, grace_s: float | None = None) -> None:
        """Begin to end the pod in order; after `grace_s` (None: the revision's) it is killed."""
        if grace_s is not None:
            self._grace_s = grace_s
            if self._kill_timer is not None and not self._kill_timer.expired():
                self._kill_timer.reschedule(asyncio.get_running_loop().time() + grace_s)
        if not self._deletion.is_set():
            self._deletion.set()
            self._set_state(PodState.TERMINATING)
            self._report("pod terminating", "is told to end")

    def ready_s(self) -> float:
        """Return for how long it has been ready, seconds; 0: never."""
        return 0.0 if self._ready_at is None else monotonic() - self._ready_at

    async def live(self) -> ContainerExit | None:
        """Start the pod and keep its state true until it is deleted (None) or loses a process."""
        self._report("pod started", "started")
        try:
            model = await self._start(model_program)
            sidecar = await self._start(sidecar_program)
        except OSError as error:
            return ContainerExit("model", str(error), ())
        self._started_at = monotonic()
        self._on_change()
        async with asyncio.TaskGroup() as tasks:
            prober = tasks.create_task(self._probe_for_ever())
            model_end = tasks.create_task(model.ended())
            sidecar_end = tasks.create_task(sidecar.ended())
            deletion = tasks.create_task(self._deletion.wait())
            ends = (model_end, sidecar_end, deletion)
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for task in (prober, *ends):
                task.cancel()
        if self._deletion.is_set():
            return None
        if model_end.cancelled():
            return _container_exit("sidecar", sidecar, sidecar_end.result())
        return _container_exit("model", model, model_end.result())

    async def end(self, failure: ContainerExit | None) -> None:
        """End what runs as the kubelet does: hooks, then model, then sidecar, then by force.

        A pod that lost a process (`failure`) has nothing to drain for and little time.
        """
        if failure is not None:
            self._report_failure(failure)
            self._set_state(PodState.TERMINATING)
        grace_s = self._grace_s if failure is None else _LOST_POD_GRACE_S
        try:
            async with asyncio.timeout(grace_s) as self._kill_timer:
                if failure is None:
                    await self._call_hooks()
                for process in self._processes:
                    process.terminate()
                    await process.ended()
        except TimeoutError:
            self._report("pod killed", "did not end in time and is killed")
            for process in self._processes:
                process.kill()
                await process.ended()

    def release(self) -> None:
        """Kill what still runs and give back the ports."""
        for process in self._processes:
            process.kill()
        for port in self._ports:
            self._node.ports.give_back(port)
        self._report("pod gone", "is gone")

    async def _start(
        self, program: Callable[[str, RevisionSettings, PodPorts, Node], Program]
    ) -> ChildProcess:
        process = await ChildProcess.start(
            program(self.name, self._settings, self._ports, self._node), self._node.guard
        )
        self._processes.append(process)
        return process

    async def _call_hooks(self) -> None:
        """Call both preStop hooks: the sidecar's starts the drain, the model's waits for it.

        Unlike a kubelet we can tell when nobody routes to the pod any more, and say so.
        """
        async with asyncio.TaskGroup() as hooks:
            hooks.create_task(self._call_hook(b"/drain"))
            telling = hooks.create_task(self._tell_of_removal())
            await self._call_hook(b"/wait-for-drain")
            telling.cancel()

    async def _tell_of_removal(self) -> None:
        while self._is_routed(Address(HOST, self._ports.serving)):  # noqa: ASYNC110 -- rare and short
            await asyncio.sleep(_ROUTED_LOOK_EVERY_S)
        await self._call_hook(b"/drain?removed=true")

    async def _call_hook(self, target: bytes) -> None:
        address = Address(HOST, self._ports.admin)
        # A hook that fails delays nothing: the signal comes next in any case.
        with suppress(FetchError):
            await self._node.client.fetch(address, b"GET", target, timeout_s=self._grace_s)

    async def _probe_for_ever(self) -> None:
        """Keep the state as the sidecar's answers tell it."""
        failures = 0
        while True:
            if await self._probe():
                failures = 0
                self._set_ready()
            else:
                failures += 1
                if failures >= _FAILURE_THRESHOLD and self.state is PodState.READY:
                    self._set_state(PodState.STARTING)
                    self._report("pod not ready", f"failed {failures} probes in a row")
            starting = self.state is PodState.STARTING
            await asyncio.sleep(_STARTING_PROBE_EVERY_S if starting else _READY_PROBE_EVERY_S)

    async def _probe(self) -> bool:
        address = Address(HOST, self._ports.serving)
        try:
            answer = await self._node.client.fetch(
                address, b"GET", b"/", _PROBE_HEADERS, timeout_s=_PROBE_TIMEOUT_S
            )
        except FetchError:
            return False
        return answer.status == HTTPStatus.OK

    def _set_ready(self) -> None:
        if self.state is not PodState.STARTING:
            return
        self._set_state(PodState.READY)
        after_s = round(monotonic() - self.created_at, 2)
        if self._ready_at is None:
            self._ready_at = monotonic()
            self._report("pod ready", f"ready after {after_s:.1f} s", after_s=after_s)
        else:
            self._report("pod ready", "ready again", after_s=after_s)

    def _report_failure(self, failure: ContainerExit) -> None:
        self._node.report(
            Event(
                name="pod failed",
                revision=self._settings.id,
                sentence=f"pod {self.name} lost its {failure.container}: {failure.reason}",
                facts={"pod": self.name, "container": failure.container, "reason": failure.reason},
                last_lines=failure.last_lines,
            )
        )

    def _set_state(self, state: PodState) -> None:
        if self.state is not state:
            self.state = state
            self._on_change()

    def _report(self, name: str, words: str, **facts: float) -> None:
        self._node.report(
            Event(
                name=name,
                revision=self._settings.id,
                sentence=f"pod {self.name} {words}",
                facts={"pod": self.name, **facts},
            )
        )


def _container_exit(container: Container, process: ChildProcess, exit_code: int) -> ContainerExit:
    return ContainerExit(container, describe_exit(exit_code), process.last_lines(_LAST_LINES))
