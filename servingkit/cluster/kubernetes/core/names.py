"""Labels, annotations, ports and names that our objects have in a cluster."""

from typing import Final

from servingkit.core.sidecar import ENABLED_LABEL

PREFIX: Final = "inflight.dev/"
KNATIVE_PREFIXES: Final = ("autoscaling.knative.dev/", "serving.knative.dev/")

# --- what a user writes --------------------------------------------------------------------------

ENABLED_SELECTOR: Final = f"{ENABLED_LABEL}=true"
CONTAINER_CONCURRENCY: Final = "inflight.dev/container-concurrency"
TIMEOUT_SECONDS: Final = "inflight.dev/timeout-seconds"
HOSTS: Final = "inflight.dev/hosts"
"""Host names, separated by commas, for which the revision is found on the shared port."""

PORT: Final = "inflight.dev/port"
"""The port on which the model listens, a number."""

MODEL_METRICS: Final = "inflight.dev/model-metrics"
"""On pods: the sidecar's Prometheus page has the model's metrics on it."""

ADOPT_SERVICE: Final = "inflight.dev/adopt-service"
"""Name of an existing Service that is to become the revision's public one."""

PAUSED: Final = "inflight.dev/paused"

# --- what we write -------------------------------------------------------------------------------

SERVICE_ROLE: Final = "inflight.dev/service"
"""Label of Services that we made, and so of their slices: `private` or `public`."""

PRIVATE: Final = "private"
PUBLIC: Final = "public"
REVISION_LABEL: Final = "inflight.dev/revision"
"""Label of objects that we made: the name of their revision."""

MANAGED_BY: Final = "endpointslice.kubernetes.io/managed-by"
SERVICE_NAME: Final = "kubernetes.io/service-name"
US: Final = "inflight.dev"

RECORD: Final = "inflight.dev/record"
"""Annotation of a private Service: what the programs must know of the revision, as JSON."""

ACTIVATOR_PORT: Final = "inflight.dev/activator-port"
"""Annotation of a private Service: the revision's port on every activator."""

STATE: Final = "inflight.dev/state"
"""Annotation of a private Service: what must outlive the autoscaler, as JSON."""

LEAVING: Final = "inflight.dev/leaving"
"""Annotation of a private Service: pods that are to go next, separated by commas."""

KEPT_SELECTOR: Final = "inflight.dev/kept-selector"
"""Annotation of an adopted Service: the selector to give back, as JSON."""

ADOPTED_BY: Final = "inflight.dev/adopted-by"
"""Annotation of an adopted Service: the name of the revision that it belongs to now."""

FINALIZER: Final = "inflight.dev/give-back-service"
"""On a workload whose Service is adopted: the Service gets its selector back before it goes."""

POD_DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"

# --- ports ---------------------------------------------------------------------------------------

SERVING_PORT_NAME: Final = "http"
STATS_PORT_NAME: Final = "http-autometric"
"""Names of these ports on private Services, and so in their slices."""

FIRST_ACTIVATOR_PORT: Final = 20_000
LAST_ACTIVATOR_PORT: Final = 29_999

PRIVATE_SUFFIX: Final = "-private"
MOST_NAME: Final = 63
"""Longest name of a Service (a DNS label)."""


def private_name(revision_name: str) -> str:
    """Return the name of a revision's private Service."""
    return revision_name + PRIVATE_SUFFIX


def is_setting(annotation: str) -> bool:
    """Tell whether an annotation of a workload or its pods is one of a revision's settings."""
    return annotation.startswith((PREFIX, *KNATIVE_PREFIXES))
