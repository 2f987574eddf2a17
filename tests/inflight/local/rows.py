"""A revision's row as the outputs get it."""

from autoscaler.status import RevisionStatus
from inflight.local.output import Row
from servingkit.core.revision import RevisionId

IRIS = RevisionId("default", "iris")


def row(
    *, ready_pods: int = 1, held_requests: int = 0, panicking: bool = False, known: bool = True
) -> Row:
    status = RevisionStatus(
        namespace="default",
        name="iris",
        metric="concurrency",
        target_value=7.0,
        stable_value=3.2,
        panic_value=3.5,
        concurrency=4.0 if known else None,
        requests_per_second=12.0 if known else None,
        panicking=panicking,
        phase="active",
        desired_pods=3 if known else None,
        asked_pods=3,
        ready_pods=ready_pods,
        starting_pods=1,
        terminating_pods=0,
        mode="proxy",
        excess_burst_capacity=-1,
        held_by=(),
        reason="3 pods: 4 in flight",
    )
    return Row(status=status, held_requests=held_requests, url="http://127.0.0.1:8000")
