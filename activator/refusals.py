"""The answers that the activator gives by itself: one table from cause to status, reason and text.

429: pods are there, but this caller must wait its turn. 503: no pod can serve. How long to stay
away is learned by each revision's gate where it matters; the seconds here are the least.
"""

from enum import Enum
from typing import Final

from servingkit.refusal import Refusal


class Cause(Enum):
    """Why the activator answers instead of a pod."""

    UNKNOWN_REVISION = "no revision has this name"
    QUEUE_FULL = "pods serve, and as many requests wait as may wait"
    NO_CAPACITY = "no pod serves, and as many requests wait as may wait"
    QUEUE_TIMEOUT = "pods serve, and the request waited for one as long as it may"
    STARTING = "no pod serves, and the request waited for one as long as it may"
    REVISION_GONE = "the revision was deleted while the request was held"
    SHUTTING_DOWN = "the activator ends before a pod was free"
    UPSTREAM_ERROR = (
        "a pod failed before it answered, and another try could do harm or did not help"
    )
    TIMED_OUT = "the revision's time limit passed before an answer began"


REFUSALS: Final = {
    Cause.UNKNOWN_REVISION: Refusal(404, b"unknown-revision", b"no such revision\n"),
    Cause.QUEUE_FULL: Refusal(429, b"queue-full", b"too many requests wait\n", 1),
    Cause.NO_CAPACITY: Refusal(503, b"no-capacity", b"no pod yet, and too many wait\n", 1),
    Cause.QUEUE_TIMEOUT: Refusal(429, b"queue-timeout", b"no free slot in time\n", 1),
    Cause.STARTING: Refusal(503, b"starting", b"no pod could be started in time\n", 1),
    Cause.REVISION_GONE: Refusal(503, b"revision-gone", b"the revision was deleted\n", 1),
    Cause.SHUTTING_DOWN: Refusal(503, b"shutting-down", b"the activator ends\n", 1),
    Cause.UPSTREAM_ERROR: Refusal(502, b"upstream-error", b"the pod failed before it answered\n"),
    # Knative's activator says just this.
    Cause.TIMED_OUT: Refusal(504, b"upstream-timeout", b"activator request timeout"),
}
