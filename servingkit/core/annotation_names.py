"""Every annotation that one of our programs reads, by its name after `inflight.dev/`.

Programs do not import each other, and yet each must know the others' annotations to tell them from
mistakes. What each annotation means is said where it is read.
"""

from typing import Final

OUR_PREFIX: Final = "inflight.dev/"

OF_THE_POD: Final = (
    *("container", "port", "pre-stop"),
    *("container-concurrency", "queue-depth"),
    *("max-body-bytes", "max-head-bytes", "max-header-fields"),
    *("timeout-seconds", "response-start-timeout-seconds", "idle-timeout-seconds"),
    *("queue-timeout-seconds", "drain-quiet-seconds", "head-timeout-seconds"),
    *("keep-alive-seconds", "stall-timeout-seconds"),
    *("request-log", "log-level", "model-metrics"),
)
"""Read when the sidecar is put into a pod: `controller.core.pod_settings`."""

OF_THE_WORKLOAD: Final = ("adopt-service", "hosts", "paused")
"""Read when a workload is made a revision: `autoscaler.kubernetes`."""

OF_SCALING: Final = (
    *("credit-starting-pods", "metrics", "metrics-path", "metrics-port", "prediction"),
    *("prediction-horizon", "prediction-window", "reachable", "schedules", "tolerance-percentage"),
)
"""`autoscaler.core.additions`."""

OF_ADMISSION: Final = (
    *("default-priority", "hold-timeout", "lb-policy", "pod-answer-timeout"),
    *("pod-failure-threshold", "priorities", "priority-caps", "priority-queue-limit"),
    *("queue-limit", "queue-limit-bytes", "retry-sent-requests", "sse-heartbeat"),
    *("tenant-header", "tenant-queue-limit", "tenant-weights"),
)
"""`activator.core.admission_settings`."""

OURS: Final = frozenset((*OF_THE_POD, *OF_THE_WORKLOAD, *OF_SCALING, *OF_ADMISSION))
