"""What everyone knows of the sidecar in a pod: its name, its ports, the label that asks for it."""

from typing import Final

ENABLED_LABEL: Final = "inflight.dev/enabled"
"""On a Deployment: it is a revision. On a pod: it gets the sidecar. The value is "true"."""

CONTAINER_NAME: Final = "queue-proxy"
"""As in Knative's pods."""

SERVING_PORT: Final = 8012
TLS_PORT: Final = 8112
ADMIN_PORT: Final = 8022
STATS_PORT: Final = 9090
METRICS_PORT: Final = 9091
