"""One activator process as `inflight local` sees it: started, shown the cluster, heard, ended."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from inflight.local.activator_link import (
    ActivatorView,
    ClusterView,
    Held,
    StopOrder,
    decode_view,
    encode_line,
)
from inflight.local.child_process import ChildProcess, Program, describe_exit
from inflight.local.node import Node
from servingkit.clock import monotonic

_LAST_LINES = 50
_NOTHING_YET = ActivatorView(ready=False, port=0, metrics_port=0, seen_version=0, held=())


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivatorSettings:
    """What all activators of a run have in common; times in seconds."""

    autoscaler_url: str
    grace_period_s: float
    refuse_before_end_s: float
    drain_quiet_s: float


class ActivatorProcess:
    """One activator process: `start` it, then `live` to its end."""

    def __init__(
        self, name: str, host: str, child: ChildProcess, on_change: Callable[[], None]
    ) -> None:
        self.name = name
        self.host = host
        self._child = child
        self._on_change = on_change
        self._view = _NOTHING_YET
        self._ready_at: float | None = None
        self._ended = False
        self._cluster: ClusterView | None = None
        self._order: StopOrder | None = None
        self._news = asyncio.Event()

    def __repr__(self) -> str:
        return f"<ActivatorProcess {self.name} on {self.host} {self._view}>"

    @classmethod
    async def start(
        cls,
        name: str,
        host: str,
        settings: ActivatorSettings,
        node: Node,
        on_change: Callable[[], None],
    ) -> Self:
        """Start a process; `on_change` is called when it has told anything new. Raises OSError."""
        program = Program(
            command=(sys.executable, "-m", "inflight.local.activator_program"),
            environment={
                **node.environment,
                "POD_NAME": name,
                "LISTEN_HOST": host,
                "AUTOSCALER_URL": settings.autoscaler_url,
                "PORT": "0",
                "METRICS_PORT": "0",
                "GRACE_PERIOD_SECONDS": f"{settings.grace_period_s:g}",
                "REFUSE_BEFORE_END_SECONDS": f"{settings.refuse_before_end_s:g}",
                "DRAIN_QUIET_SECONDS": f"{settings.drain_quiet_s:g}",
            },
            directory=None,
            log_path=node.log_directory / f"{name}.log",
        )
        child = await ChildProcess.start(program, node.guard, linked=True)
        return cls(name, host, child, on_change)

    @property
    def ready(self) -> bool:
        """Whether clients should be sent there."""
        return self._view.ready and not self._ended

    def ready_s(self) -> float:
        """Return how long ago it was ready for the first time, seconds; 0: never."""
        return 0.0 if self._ready_at is None else monotonic() - self._ready_at

    @property
    def port(self) -> int:
        """Where requests of all revisions come in, once ready."""
        return self._view.port

    @property
    def metrics_port(self) -> int:
        """Where its Prometheus page is; 0: not open yet."""
        return self._view.metrics_port

    @property
    def held(self) -> tuple[Held, ...]:
        """Requests that wait for a pod."""
        return () if self._ended else self._view.held

    def behind(self, version: int) -> bool:
        """Return whether it may still act on a view of the cluster before this version."""
        return not self._ended and self._view.seen_version < version

    def show(self, cluster: ClusterView) -> None:
        """Show it the cluster; of several views only the last counts."""
        self._cluster = cluster
        self._news.set()

    def stop(self, order: StopOrder) -> None:
        """Have it end in order."""
        self._order = order
        self._news.set()

    async def live(self) -> int:
        """Keep up the link until the process has ended; return its exit code."""
        try:
            async with asyncio.TaskGroup() as tasks:
                background = [tasks.create_task(self._read()), tasks.create_task(self._write())]
                exit_code = await self._child.ended()
                for task in background:
                    task.cancel()
                return exit_code
        finally:
            self._child.kill()
            self._ended = True
            self._on_change()

    def kill(self) -> None:
        """End it at once."""
        self._child.kill()

    def last_words(self, exit_code: int) -> tuple[str, tuple[str, ...]]:
        """Return how it ended in words, and the last lines that it wrote."""
        return describe_exit(exit_code), self._child.last_lines(_LAST_LINES)

    async def _read(self) -> None:
        while line := await self._child.output.readline():
            view = decode_view(line)
            if view != self._view:
                self._view = view
                if view.ready and self._ready_at is None:
                    self._ready_at = monotonic()
                self._on_change()

    async def _write(self) -> None:
        pipe = self._child.input
        with suppress(ConnectionError):  # it is ending: its end is what counts
            while True:
                await self._news.wait()
                self._news.clear()
                cluster, self._cluster = self._cluster, None
                order, self._order = self._order, None
                for message in (cluster, order):
                    if message is not None:
                        pipe.write(encode_line(message))
                await pipe.drain()
