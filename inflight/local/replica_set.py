"""Keeps as many pods of one revision as are asked for: starts, replaces and deletes them."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from inflight.local.core.crash_backoff import CrashBackoff
from inflight.local.core.surplus import pick_surplus
from inflight.local.local_pod import ContainerExit, LocalPod
from inflight.local.node import Node
from inflight.local.settings import RevisionSettings
from servingkit.clock import monotonic
from servingkit.config import ConfigError, Problem
from servingkit.core.revision import Address, Pod, PodState


class CommandFailedError(ConfigError):
    """The command of a revision ended twice in the same way before any pod was ever ready."""

    def __init__(self, settings: RevisionSettings, failure: ContainerExit) -> None:
        output = "".join(f"\n    {line}" for line in failure.last_lines) or " nothing"
        expected = (
            "a command that starts a model server on $PORT and keeps running; "
            f"it ended with {failure.reason} before it was ready, its last output was:{output}"
        )
        super().__init__([Problem(settings.command_key, " ".join(settings.command), expected)])


class ReplicaSet:
    """The pods of one revision."""

    def __init__(
        self,
        settings: RevisionSettings,
        node: Node,
        next_name: Callable[[], str],
        on_change: Callable[[], None],
        is_routed: Callable[[Address], bool],
    ) -> None:
        self.replicas = 0
        self.pods: tuple[Pod, ...] = ()
        """All pods, the terminating too, oldest first."""
        self._settings = settings
        self._node = node
        self._next_name = next_name
        self._on_change = on_change
        self._is_routed = is_routed
        self._pods: dict[str, LocalPod] = {}
        self._wake = asyncio.Event()
        self._backoff = CrashBackoff()
        self._ever_ready = False
        self._first_failure: str | None = None
        self._command_error: CommandFailedError | None = None
        self._stopping_grace_s: float | None = None

    def __repr__(self) -> str:
        return f"<ReplicaSet {self._settings.id}: {len(self._pods)} of {self.replicas} pods>"

    def scale(self, replicas: int) -> None:
        """Ask for `replicas` pods."""
        self.replicas = replicas
        self._wake.set()

    def stop(self, grace_s: float) -> None:
        """Delete all pods, killing after `grace_s` what has not ended; `run` then returns."""
        self._stopping_grace_s = grace_s
        self.scale(0)

    async def run(self) -> None:
        """Follow the wanted scale until stopped. Raises CommandFailedError (in a group)."""
        async with asyncio.TaskGroup() as pods:
            while self._stopping_grace_s is None:
                if self._command_error is not None:
                    raise self._command_error
                self._wake.clear()
                self._delete_surplus()
                self._start_missing(pods)
                await self._woken_or_after_backoff()
            for pod in self._pods.values():
                pod.delete(self._stopping_grace_s)

    def _delete_surplus(self) -> None:
        for name in pick_surplus(self.pods, self.replicas):
            self._pods[name].delete()

    def _start_missing(self, pods: asyncio.TaskGroup) -> None:
        if self._backoff.wait_s(monotonic()) > 0:
            return
        alive = sum(pod.state is not PodState.TERMINATING for pod in self.pods)
        for _ in range(self.replicas - alive):
            pod = LocalPod(
                self._next_name(), self._settings, self._node, self._pods_changed, self._is_routed
            )
            self._pods[pod.name] = pod
            pods.create_task(self._run_pod(pod))
            self._pods_changed()

    async def _woken_or_after_backoff(self) -> None:
        wait_s = self._backoff.wait_s(monotonic())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), wait_s or None)

    async def _run_pod(self, pod: LocalPod) -> None:
        try:
            failure = await pod.live()
            if failure is not None:
                # Before the pod's state changes: that wakes the loop, which asks the back-off.
                self._backoff.pod_lost(monotonic(), pod.ready_s())
                self._check_command(failure)
            await pod.end(failure)
        finally:
            pod.release()
            del self._pods[pod.name]
            self._pods_changed()

    def _check_command(self, failure: ContainerExit) -> None:
        if self._ever_ready or failure.container != "model":
            return
        if failure.reason == self._first_failure:
            self._command_error = CommandFailedError(self._settings, failure)
        self._first_failure = failure.reason

    def _pods_changed(self) -> None:
        self.pods = tuple(pod.as_pod() for pod in self._pods.values())
        self._ever_ready |= any(pod.state is PodState.READY for pod in self.pods)
        self._on_change()
        self._wake.set()
