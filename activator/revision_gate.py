"""The gate of one revision: lets requests through to pods, or holds them.

The decisions are `core.throttler`'s; here they are carried out. The callback that makes room also
starts whoever gets it, with nothing in between, so a slot never rests while a request waits.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Protocol

from activator.core.admission_queue import Bound, QueueFullError
from activator.core.admission_settings import AdmissionSettings
from activator.core.claim import Claim
from activator.core.cold_start import ColdStart
from activator.core.pod_tracker import PodTracker
from activator.core.request_counts import OTHER_TENANT, ClassCounts, RequestCounts
from activator.core.retry_advice import RetryAdvice
from activator.core.throttler import Placeable, Throttler
from activator.pod_prober import PodProber
from activator.refusals import REFUSALS, Cause
from servingkit.clock import monotonic
from servingkit.core.revision import Pod, Revision
from servingkit.http1.watcher import AttemptFailure, FailureKind, TimeLimits
from servingkit.refusal import Refusal

_log = logging.getLogger(__name__)

RETRY_FULL_S: Final = 0.02
"""After so long a pod that was full is tried again, if no slot of ours has freed there before."""

MOST_RETRIES: Final = 2

_LEARNED: Final = frozenset(
    (Cause.QUEUE_FULL, Cause.NO_CAPACITY, Cause.QUEUE_TIMEOUT, Cause.STARTING)
)
"""How long a client should stay away is known better for these than the table does."""


class HeldRequest(Placeable, Protocol):
    """A request as the gate sees it."""

    retries: int
    """Attempts after the first, refusals not counted."""

    cold_start: ColdStart | None
    """What it waits for, or has waited for."""

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
        self,
        revision: Revision,
        settings: AdmissionSettings,
        throttler: Throttler[HeldRequest],
        prober: PodProber,
    ) -> None:
        self.revision = revision
        self.settings = settings
        self.settings_valid = True
        """False: the revision's annotations are bad, and the last good settings are in force."""
        self.throttler = throttler
        self.counts = RequestCounts()
        self.time_limits = _time_limits(revision, settings)
        """For a request that goes to a pod at once."""
        self._prober = prober
        self._advice = RetryAdvice()
        self._cold_start: ColdStart | None = None
        self._retrying: asyncio.TimerHandle | None = None
        self._closed: Cause | None = None

    def __repr__(self) -> str:
        return f"<RevisionGate {self.revision.id} {self.throttler!r}>"

    # --- requests -------------------------------------------------------------------------------

    def admit(self, request: HeldRequest) -> None:
        """Send a newcomer to a pod, hold it, or turn it away."""
        try:
            pod = self.throttler.admit(request)
        except QueueFullError as error:
            self._turn_away(request, error.bound)
            return
        if pod is not None:
            request.forward_to(pod)
        else:
            self._request_waits(request)

    def attempt_failed(
        self, request: HeldRequest, pod: PodTracker, failure: AttemptFailure, *, harmless: bool
    ) -> None:
        """Try again where it does no harm, and learn what the failure says of the pod."""
        self._judge_pod(pod, failure)
        if failure.kind is FailureKind.REFUSED:
            self.counts.refusals += 1
            self._hold_again(request)
        elif harmless and request.retries < MOST_RETRIES:
            self._retry(request, pod)
        else:
            request.give_up(Cause.UPSTREAM_ERROR)
        self._release()

    def retry_elsewhere(self, request: HeldRequest, pod: PodTracker) -> None:
        """Hold a request again that was taken back from a pod that does not answer."""
        self._retry(request, pod)
        self._release()

    def pod_failed_request(self, pod: PodTracker, reason: str) -> None:
        """A pod took a request and gave no answer to it, or said that its model did not."""
        if self.throttler.request_failed(pod, monotonic()):
            self.counts.ejections += 1
            facts = {"revision": str(self.revision.id), "pod": pod.name, "reason": reason}
            _log.warning("pod ejected", extra={**facts, "times": pod.ejections})
            self._look_for_news()

    def slot_freed(self, pod: PodTracker) -> None:
        """Use a slot again that a request is done with."""
        self.throttler.free_slot(pod)
        self._release()

    def leave(self, request: HeldRequest) -> None:
        """Forget a request that ended while it waited."""
        self.throttler.leave(request)
        self._forget_vain_start()

    # --- what those who wait are told -----------------------------------------------------------

    def refusal(self, cause: Cause) -> Refusal:
        """Return the answer to a request that is refused now."""
        refusal = REFUSALS[cause]
        if cause not in _LEARNED:
            return refusal
        return refusal._replace(retry_after_s=self._retry_after_s())

    def waited_too_long(self) -> Cause:
        """Return why a request is refused that waited as long as it may."""
        return Cause.QUEUE_TIMEOUT if self.throttler.can_serve else Cause.STARTING

    def wait_ended(self, seconds: float) -> None:
        """Learn from a request that waited for a slot while pods served."""
        self._advice.waited(seconds)

    def classes_of(self, claim: Claim) -> tuple[ClassCounts, ...]:
        """Return whose numbers a request belongs to besides the revision's; most often none."""
        classes = []
        if self.settings.tenant_header:
            known = claim.tenant in self.settings.tenant_weights
            tenant = claim.tenant.decode() if known else OTHER_TENANT
            classes.append(self.counts.by_tenant.setdefault(tenant, ClassCounts()))
        if self.settings.priorities:
            priority = claim.priority.decode()
            classes.append(self.counts.by_priority.setdefault(priority, ClassCounts()))
        return tuple(classes)

    def answer_began(self, cold_start: ColdStart) -> None:
        """Note the first byte of an answer to a request that was held by a cold start."""
        first_byte = cold_start.answer_began(monotonic())
        if first_byte is not None:
            self.counts.phase_ended(first_byte)

    # --- the cluster ----------------------------------------------------------------------------

    def set_revision(self, revision: Revision, settings: AdmissionSettings) -> None:
        """Take changed settings; requests under way keep their time limits."""
        self.revision = revision
        self.settings = settings
        self.time_limits = _time_limits(revision, settings)
        self.throttler.configure(revision.container_concurrency, settings)
        self._release()

    def set_pods(self, pods: Sequence[Pod]) -> None:
        """Take the present pods."""
        self.throttler.set_pods(pods)
        self._look_for_news()
        self._pods_changed()

    def ask_busy_pods(self) -> None:
        """Learn whether the container concurrency of pods in use was changed while they run."""
        self.throttler.doubt_concurrency()
        self._look_for_news()

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
        if self.throttler.probe_passed(pod, container_concurrency, monotonic()):
            self._pods_changed()

    # --- inside ---------------------------------------------------------------------------------

    def _turn_away(self, request: HeldRequest, bound: Bound) -> None:
        self.counts.turned_away[bound] += 1
        for counts in self.classes_of(request.claim):
            counts.refusals += 1
        request.give_up(Cause.QUEUE_FULL if self.throttler.can_serve else Cause.NO_CAPACITY)

    def _retry_after_s(self) -> int:
        if self.throttler.can_serve:
            return self._advice.queueing_s()
        cold_start = self._cold_start
        elapsed_s = 0.0 if cold_start is None else monotonic() - cold_start.began_at
        return self._advice.starting_s(elapsed_s)

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
            self.pod_failed_request(pod, failure.detail)

    def _retry(self, request: HeldRequest, pod: PodTracker) -> None:
        self.counts.retries += 1
        request.retries += 1
        request.failed_at = pod
        self._hold_again(request)

    def _hold_again(self, request: HeldRequest) -> None:
        self.throttler.readmit(request)
        self._request_waits(request)

    def _request_waits(self, request: HeldRequest) -> None:
        if self._closed is not None:
            self.throttler.leave(request)
            request.give_up(self._closed)
            return
        if self._cold_start is None and self.throttler.cold:
            self._cold_start = ColdStart(monotonic())
        request.cold_start = self._cold_start or request.cold_start
        request.hold()
        if self.throttler.waiting == 1:
            self._look_for_news()

    def _pods_changed(self) -> None:
        cold_start = self._cold_start
        if cold_start is not None and self.throttler.usable:
            self._cold_start = None
            now = monotonic()
            cold_start.pod_serves(self.throttler.usable[0], now)
            self._advice.cold_start_took(now - cold_start.began_at)
            self.counts.cold_starts += 1
            for time in cold_start.phases:
                self.counts.phase_ended(time)
        else:
            self._forget_vain_start()
        self._release()

    def _forget_vain_start(self) -> None:
        """End a cold start that came to nothing: whoever comes next begins one of their own."""
        if not self.throttler.pods and not self.throttler.waiting:
            self._cold_start = None

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


def _time_limits(revision: Revision, settings: AdmissionSettings) -> TimeLimits:
    return TimeLimits(
        max_duration_s=revision.timeout_s, response_start_s=settings.pod_answer_timeout_s
    )
