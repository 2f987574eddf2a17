"""The gate of one revision: lets requests through to pods, or holds them.

The decisions are `core.throttler`'s; here they are carried out. The callback that makes room also
starts whoever gets it, with nothing in between, so a slot never rests while a request waits.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Protocol

from activator.core.pod_tracker import PodTracker
from activator.core.request_counts import RequestCounts
from activator.core.throttler import Placeable, Throttler
from activator.pod_prober import PodProber
from activator.refusals import Cause
from servingkit.core.revision import Pod, Revision
from servingkit.http1.watcher import AttemptFailure, FailureKind, TimeLimits

_log = logging.getLogger(__name__)

RETRY_FULL_S: Final = 0.02
"""After so long a pod that was full is tried again, if no slot of ours has freed there before."""

MOST_RETRIES: Final = 2


class HeldRequest(Placeable, Protocol):
    """A request as the gate sees it."""

    retries: int
    """Attempts after the first, refusals not counted."""

    def hold(self) -> None:
        """Wait from now on."""
        ...

    def forward_to(self, pod: PodTracker) -> None:
        """Go to `pod`; a slot there is taken."""
        ...

    def give_up(self, cause: Cause) -> None:
        """Answer: there will be no pod."""
        ...


class RevisionGate:
    """Holds and releases the requests of one revision."""

    def __init__(
        self, revision: Revision, throttler: Throttler[HeldRequest], prober: PodProber
    ) -> None:
        self.revision = revision
        self.throttler = throttler
        self.counts = RequestCounts()
        self.time_limits = TimeLimits(max_duration_s=revision.timeout_s)
        self._prober = prober
        self._retrying: asyncio.TimerHandle | None = None
        self._closed: Cause | None = None

    def __repr__(self) -> str:
        return f"<RevisionGate {self.revision.id} {self.throttler!r}>"

    # --- requests -------------------------------------------------------------------------------

    def admit(self, request: HeldRequest) -> None:
        """Send a newcomer to a pod, or hold it. Raises QueueFullError."""
        pod = self.throttler.admit(request)
        if pod is not None:
            request.forward_to(pod)
        else:
            self._request_waits(request)

    def attempt_failed(
        self, request: HeldRequest, pod: PodTracker, failure: AttemptFailure
    ) -> None:
        """Try again where it does no harm, and learn what the failure says of the pod."""
        self._judge_pod(pod, failure)
        if failure.kind is FailureKind.REFUSED:
            self.counts.refusals += 1
            self._hold_again(request)
        elif failure.retryable and request.retries < MOST_RETRIES:
            self.counts.retries += 1
            request.retries += 1
            request.failed_at = pod
            self._hold_again(request)
        else:
            request.give_up(Cause.UPSTREAM_ERROR)
        self._release()

    def slot_freed(self, pod: PodTracker) -> None:
        """Use a slot again that a request is done with."""
        self.throttler.free_slot(pod)
        self._release()

    def leave(self, request: HeldRequest) -> None:
        """Forget a request that ended while it waited."""
        self.throttler.leave(request)

    # --- the cluster ----------------------------------------------------------------------------

    def set_revision(self, revision: Revision) -> None:
        """Take changed settings; requests under way keep their time limits."""
        self.revision = revision
        self.time_limits = TimeLimits(max_duration_s=revision.timeout_s)
        self.throttler.set_container_concurrency(revision.container_concurrency)

    def set_pods(self, pods: Sequence[Pod]) -> None:
        """Take the present pods."""
        self.throttler.set_pods(pods)
        self._look_for_news()
        self._release()

    def close(self, cause: Cause) -> None:
        """Answer all that wait; from now on nothing is held any more."""
        self._closed = cause
        if self._retrying is not None:
            self._retrying.cancel()
        while (request := self.throttler.take_waiting()) is not None:
            request.give_up(cause)

    # --- PodProber ------------------------------------------------------------------------------

    def wants_probe(self, pod: PodTracker) -> bool:
        """Tell whether `pod` should be asked, now or again."""
        return self._closed is None and self.throttler.wants_probe(pod)

    def probe_passed(self, pod: PodTracker, container_concurrency: int | None) -> None:
        """Use a pod that serves."""
        self.throttler.probe_passed(pod, container_concurrency)
        self._release()

    # --- inside ---------------------------------------------------------------------------------

    def _judge_pod(self, pod: PodTracker, failure: AttemptFailure) -> None:
        refused = failure.kind is FailureKind.REFUSED
        if refused and failure.detail == "queue-full":
            self.throttler.pod_refused(pod)
            if self._retrying is None and self._closed is None:
                loop = asyncio.get_running_loop()
                self._retrying = loop.call_later(RETRY_FULL_S, self._retry_full)
        elif refused or failure.kind is FailureKind.CONNECT:
            if pod.usable:  # else the requests before this one have told
                facts = {"revision": str(self.revision.id), "pod": pod.name}
                _log.warning("pod failed", extra={**facts, "reason": failure.detail})
            self.throttler.pod_failed(pod)
            self._look_for_news()
        else:
            self.throttler.free_slot(pod)

    def _hold_again(self, request: HeldRequest) -> None:
        self.throttler.readmit(request)
        self._request_waits(request)

    def _request_waits(self, request: HeldRequest) -> None:
        if self._closed is not None:
            self.throttler.leave(request)
            request.give_up(self._closed)
            return
        request.hold()
        if self.throttler.waiting == 1:
            self._look_for_news()

    def _retry_full(self) -> None:
        self._retrying = None
        self.throttler.retry_refusing()
        self._release()

    def _look_for_news(self) -> None:
        for pod in self.throttler.pods:
            self._prober.probe(pod, self)

    def _release(self) -> None:
        # A loop and no recursion: `forward_to` never calls back from inside.
        while (grant := self.throttler.next_grant()) is not None:
            grant.request.forward_to(grant.pod)
