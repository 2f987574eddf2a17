"""The answers that the sidecar gives by itself: one table from cause to status, reason and text.

Statuses and texts are Knative's where it has them, so that the sidecar can stand in for Knative's.
The reason in `Inflight-Reason` is ours and for machines: `queue-full`, `queue-timeout` and
`starting` prove that the model never saw the request.
"""

from enum import Enum
from typing import Final

from servingkit.refusal import Refusal


class Cause(Enum):
    """Why the sidecar answers instead of the model."""

    NO_SLOT = "no slot, and the request does not want to wait"
    QUEUE_FULL = "no slot, and the queue is full"
    QUEUE_TIMEOUT = "no slot within the time that requests may wait for one"
    MODEL_UNREACHABLE = "the model takes no connections"
    MODEL_FAILED = "the model closed or broke the connection before it answered"
    TIMED_OUT = "a time limit passed before the answer began"


REFUSALS: Final = {
    Cause.NO_SLOT: Refusal(429, b"queue-full", b"no free slot\n", 1),
    Cause.QUEUE_FULL: Refusal(503, b"queue-full", b"pending request queue full\n", 1),
    Cause.QUEUE_TIMEOUT: Refusal(503, b"queue-timeout", b"no free slot in time\n", 1),
    Cause.MODEL_UNREACHABLE: Refusal(502, b"starting", b"model takes no connections\n", 1),
    Cause.MODEL_FAILED: Refusal(502, b"upstream-error", b"model failed before it answered\n"),
    Cause.TIMED_OUT: Refusal(504, b"upstream-timeout", b"request timeout\n"),
}
