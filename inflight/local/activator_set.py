"""Keeps as many activator processes as are asked for: starts, shows the cluster to, replaces them.

Each has an address of its own, 127.0.0.2 and on, as activators on Kubernetes have one: the port of
a revision is the same on all of them. One that ends, in order or not, is replaced: at once the
first time, then after 1, 2, 4 … 30 s.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from typing import Final

from activator.core.drain import DrainTimes
from inflight.local.activator_link import ClusterView, StopOrder
from inflight.local.activator_place import ActivatorPlace
from inflight.local.activator_process import ActivatorProcess, ActivatorSettings
from inflight.local.core.crash_backoff import CrashBackoff
from inflight.local.event import Event
from inflight.local.node import Node
from servingkit.clock import monotonic
from servingkit.core.revision import RevisionId

_KILLED_AFTER_S: Final = 2.0
"""So long after its grace period an activator that was told to end is killed."""


class ActivatorFailedError(Exception):
    """An activator ended before it had ever been ready."""

    def __init__(self, name: str, how: str, last_lines: Sequence[str]) -> None:
        super().__init__("\n".join((f"{name} ended with {how} before it was ready", *last_lines)))
        self.name = name


class ActivatorSet:
    """The activator processes of one run. Counterpart for a single one: `OwnActivator`."""

    def __init__(
        self,
        hosts: tuple[str, ...],
        settings: ActivatorSettings,
        node: Node,
        view: Callable[[int], ClusterView],
        on_change: Callable[[tuple[ActivatorPlace, ...]], None],
    ) -> None:
        """Keep an activator on each of `hosts`.

        Args:
            hosts: addresses of this machine.
            settings: of each activator.
            node: the machine.
            view: returns the cluster as it is, to be shown under a version number.
            on_change: told which are ready whenever that may have changed.
        """
        self._hosts = hosts
        self._settings = settings
        self._node = node
        self._view = view
        self._on_change = on_change
        self._version = 1
        self._names = count(1)
        self._processes: dict[str, ActivatorProcess] = {}
        self._all_ready = asyncio.Event()
        self._stopping = asyncio.Event()
        self._ready: tuple[ActivatorPlace, ...] = ()

    def __repr__(self) -> str:
        return f"<ActivatorSet {list(self._processes.values())}>"

    async def run(self, started: asyncio.Event) -> None:
        """Keep the activators until stopped; sets `started` when all are ready."""
        async with asyncio.TaskGroup() as tasks:
            seats = [tasks.create_task(self._keep(host)) for host in self._hosts]
            await self._all_ready.wait()
            started.set()
            await asyncio.wait(seats)

    def stop(self, times: DrainTimes) -> None:
        """Have all end in order; `run` returns when they have."""
        self._stopping.set()
        order = StopOrder(times.hold_s, times.grace_s, times.quiet_s)
        loop = asyncio.get_running_loop()
        for process in self._processes.values():
            process.stop(order)
            loop.call_later(order.grace_s + _KILLED_AFTER_S, process.kill)

    def cluster_changed(self, _: object = None) -> None:
        """Show all activators the cluster as it is now."""
        self._version += 1
        for process in self._processes.values():
            process.show(self._view(self._version))

    def any_behind(self) -> bool:
        """Return whether an activator may not know the last change yet."""
        return any(process.behind(self._version) for process in self._processes.values())

    def held_requests(self, revision: RevisionId) -> int:
        """Return how many requests wait for a pod of a revision."""
        return sum(
            held.requests
            for process in self._processes.values()
            for held in process.held
            if held.revision == revision
        )

    async def _keep(self, host: str) -> None:
        """Have an activator on `host`, again and again."""
        backoff = CrashBackoff()
        while not self._stopping.is_set():
            name = f"activator-{next(self._names):05d}"
            process = await ActivatorProcess.start(
                name, host, self._settings, self._node, self._tell_who_is_ready
            )
            exit_code = await self._live(process)
            backoff.pod_lost(monotonic(), process.ready_s())
            if not self._stopping.is_set():
                self._report_end(process, exit_code)
                with suppress(TimeoutError):
                    wait_s = backoff.wait_s(monotonic())
                    await asyncio.wait_for(self._stopping.wait(), wait_s)

    async def _live(self, process: ActivatorProcess) -> int:
        self._processes[process.name] = process
        process.show(self._view(self._version))
        try:
            return await process.live()
        finally:
            del self._processes[process.name]
            self._tell_who_is_ready()

    def _report_end(self, process: ActivatorProcess, exit_code: int) -> None:
        how, last_lines = process.last_words(exit_code)
        if not self._all_ready.is_set():
            raise ActivatorFailedError(process.name, how, last_lines)
        self._node.report(
            Event(
                name="activator ended",
                sentence=f"activator {process.name} ended with {how}",
                facts={"activator": process.name, "reason": how},
                last_lines=last_lines if exit_code else (),
            )
        )

    def _tell_who_is_ready(self) -> None:
        ready = tuple(
            ActivatorPlace(process.name, process.host, process.port, process.metrics_port)
            for process in sorted(self._processes.values(), key=lambda process: process.name)
            if process.ready
        )
        if len(ready) == len(self._hosts):
            self._all_ready.set()
        if ready != self._ready:
            self._ready = ready
            self._on_change(ready)
