"""When a pod that goes away has nothing left to do.

Kubernetes tells everyone at once that a pod goes: the kubelet, which runs the preStop hooks, and
those who route to it, who notice a little later. So requests still come after the drain began;
they are served, and each one starts the quiet time anew, as does a connection on which nothing
has been asked yet. Knative waits 30 s after the last one; here the quiet time is a setting, a
request under way holds the end back too, and whoever routes may say that nobody routes here any
more: then there is nothing to be quiet for.

A container that is only restarted gets its preStop hook as well. It is told apart by the lack of
any other sign within a second; then the drain is called off.
"""

from enum import Enum
from typing import Final

RESTART_GUARD_S: Final = 1.0

SILENT_CONNECTION_S: Final = 1.0
"""For so long a new connection is waited for even when nobody routes here any more: who opened it
chose this pod before."""


class DrainPhase(Enum):
    """How far a drain has come."""

    SERVING = "serving"
    DRAINING = "draining"
    DRAINED = "drained"


class Drain:
    """Decides between serving, draining and drained, from what it is told."""

    __slots__ = ("_began_at", "_confirmed", "_last_request_at", "_quiet_s", "_removed", "phase")

    def __init__(self, quiet_s: float) -> None:
        self._quiet_s = quiet_s
        self._began_at = 0.0
        self._last_request_at = 0.0
        self._confirmed = False
        self._removed = False
        self.phase = DrainPhase.SERVING

    def __repr__(self) -> str:
        return f"<Drain {self.phase.value}>"

    def begin(self, now: float, *, pod_deleted: bool) -> None:
        """Start to drain.

        Args:
            now: monotonic seconds.
            pod_deleted: whether this is sure to be a deletion (SIGTERM, the sidecar's own hook);
                the model's hook alone may be a restart of its container.
        """
        self._confirmed = self._confirmed or pod_deleted
        if self.phase is DrainPhase.SERVING:
            self.phase = DrainPhase.DRAINING
            self._began_at = self._last_request_at = now

    def request_arrived(self, now: float) -> None:
        """Start the quiet time anew."""
        self._last_request_at = now

    def removed_from_routes(self, now: float) -> None:
        """Drain, if that has not begun, and end with the last request: no new one will come."""
        self.begin(now, pod_deleted=True)
        self._removed = True

    def look(self, now: float, requests_under_way: int, last_connection_at: float) -> DrainPhase:
        """Return the phase, having considered that time has passed.

        Args:
            now: monotonic seconds.
            requests_under_way: how many run or wait.
            last_connection_at: when the newest of the connections came on which nothing has been
                asked yet; 0: there is none.
        """
        if self.phase is not DrainPhase.DRAINING:
            return self.phase
        if not self._confirmed:
            if now - self._began_at >= RESTART_GUARD_S:
                self.phase = DrainPhase.SERVING
        elif requests_under_way == 0:
            quiet_s = self._quiet_s
            last_sign_at = max(self._last_request_at, last_connection_at)
            if self._removed:
                quiet_s, last_sign_at = min(quiet_s, SILENT_CONNECTION_S), last_connection_at
            if now - last_sign_at >= quiet_s:
                self.phase = DrainPhase.DRAINED
        return self.phase
