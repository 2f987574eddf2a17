"""Asks the pod's containers whether they are ready, once for all who want to know meanwhile.

The kubelet and every activator probe the sidecar; the sidecar probes the model. Behaviour:
Knative's queue-proxy (aggressive probing when `periodSeconds` is 0, single flight).
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from queueproxy.core.readiness_probe import ReadinessProbe
from queueproxy.grpc_health import is_serving
from servingkit.clock import monotonic
from servingkit.core.revision import Address
from servingkit.http1.client import FetchError, HttpClient

_AGGRESSIVE_PERIOD_S: Final = 0.02
_AGGRESSIVE_TIMEOUT_S: Final = 0.1
_AGGRESSIVE_TOTAL_S: Final = 10.0
_HOST: Final = "127.0.0.1"

Told = Callable[[bool], None]
"""Called once with the result of a probe."""


class Prober:
    """Runs its probes at most once at a time, and tells the result to all who asked meanwhile."""

    def __init__(
        self, probes: Sequence[ReadinessProbe], client: HttpClient, tasks: asyncio.TaskGroup
    ) -> None:
        """Call the pod ready when all `probes` succeed: there may be one for each container."""
        self._checks = [_Check(probe, client) for probe in probes]
        self._tasks = tasks
        self._waiting: list[Told] = []
        self._running: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Prober {self._checks}, {len(self._waiting)} waiting>"

    def ask(self, told: Told) -> None:
        """Have `told` called with whether the model is ready; never from inside this call."""
        self._waiting.append(told)
        if len(self._waiting) == 1:
            self._running = self._tasks.create_task(self._run())

    def stop(self) -> None:
        """Probe no more; whoever waits is told that the model is not ready."""
        if self._running is not None:
            self._running.cancel()
            self._tell(ready=False)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            found = [tasks.create_task(check.succeeds()) for check in self._checks]
        self._tell(ready=all(task.result() for task in found))

    def _tell(self, *, ready: bool) -> None:
        waiting, self._waiting = self._waiting, []
        for told in waiting:
            told(ready)


class _Check:
    """One probe, and how often it has succeeded in a row."""

    def __init__(self, probe: ReadinessProbe, client: HttpClient) -> None:
        self._probe = probe
        self._address = Address(_HOST, probe.port)
        self._client = client
        self._headers = [(name.encode(), value.encode()) for name, value in probe.headers]
        if not any(name.lower() == b"user-agent" for name, _ in self._headers):
            self._headers.append((b"User-Agent", b"kube-probe/inflight"))
        self._successes = 0

    def __repr__(self) -> str:
        return f"<_Check of {self._address}, {self._successes} successes>"

    async def succeeds(self) -> bool:
        """Return whether the container is ready, after one attempt or as many as are needed."""
        probe = self._probe
        if probe.period_s:
            # Thresholds are the kubelet's then: it counts the sidecar's own probe.
            return await self._attempt(probe.timeout_s)
        give_up_at = monotonic() + _AGGRESSIVE_TOTAL_S
        while True:
            started_at = monotonic()
            succeeded = await self._attempt(_AGGRESSIVE_TIMEOUT_S)
            self._successes = self._successes + 1 if succeeded else 0
            if self._successes >= probe.success_threshold:
                return True
            if monotonic() >= give_up_at:
                return False
            await asyncio.sleep(max(0.0, started_at + _AGGRESSIVE_PERIOD_S - monotonic()))

    async def _attempt(self, timeout_s: float) -> bool:
        probe = self._probe
        try:
            if probe.path is not None:
                return await self._gets(probe.path, timeout_s)
            async with asyncio.timeout(timeout_s):
                if probe.grpc_service is not None:
                    return await is_serving(self._address, probe.grpc_service)
                return await self._connects()
        except TimeoutError:
            return False

    async def _gets(self, path: str, timeout_s: float) -> bool:
        try:
            answer = await self._client.fetch(
                self._address, b"GET", path.encode(), self._headers, timeout_s=timeout_s
            )
        except FetchError:
            return False
        return 200 <= answer.status < 400  # noqa: PLR2004 -- what Kubernetes takes for success

    async def _connects(self) -> bool:
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.create_connection(asyncio.Protocol, *self._address)
        except OSError:
            return False
        transport.close()
        return True
