"""How many activators a revision's load needs.

Enough for all that its pods can take and the burst on top of it, at what one activator carries
(`activator-capacity`, 100 requests in flight); never fewer than two, so that one may fail.

Worked example: 15 ready pods that take 100 each, a burst capacity of 200: (1500 + 200) / 100 = 17.

Source: Knative's `computeNumActivators`.
"""

import math

from autoscaler.core.decider import DeciderSpec

LEAST_ACTIVATORS = 2


def activator_count(spec: DeciderSpec, ready_pods: int, activator_capacity: float) -> int:
    """Return how many activators should take the revision's traffic while any do."""
    if spec.target_burst_capacity == 0:
        # They are in the path only while there are no pods.
        return LEAST_ACTIVATORS
    load = ready_pods * spec.total_value + max(0.0, spec.target_burst_capacity)
    return max(LEAST_ACTIVATORS, math.ceil(load / activator_capacity))
