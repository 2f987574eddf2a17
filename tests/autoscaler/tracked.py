"""Revisions as the shells of the autoscaler hold them."""

from collections.abc import Mapping

from autoscaler.core.bounds import Observed, Phase
from autoscaler.core.coverage import Coverage
from autoscaler.core.decider import Decision, Reading
from autoscaler.core.defaults import Defaults
from autoscaler.core.scaler import Plan
from autoscaler.core.settings import PREFIX, parse_annotations
from autoscaler.journal import Journal
from autoscaler.tracked_revision import TrackedRevision
from servingkit.core.revision import Mode, Revision, RevisionId

IRIS = RevisionId("default", "iris")
OBSERVED = Observed(replicas=2, ready_pods=2, proxied_since=None)


def revision(scaling: Mapping[str, str] | None = None, *, uid: str = "1") -> Revision:
    """Return a revision; `scaling` holds annotations without their prefix."""
    annotations = {PREFIX + name: value for name, value in (scaling or {}).items()}
    return Revision(id=IRIS, uid=uid, annotations=annotations, container_concurrency=10)


def tracked_revision() -> TrackedRevision:
    made = revision()
    return TrackedRevision(made, parse_annotations(made.annotations, Defaults()), Journal())


def idle_plan() -> Plan:
    """Return a plan for a revision whose load asks for no pod."""
    return Plan(
        desired_pods=1,
        mode=Mode.PROXY,
        phase=Phase.ACTIVE,
        activators=2,
        excess_burst_capacity=-1,
        decision=Decision(
            desired_pods=0,
            excess_burst_capacity=-1,
            reading=Reading(0.0, 0.0),
            stable_pods=0,
            panic_pods=0,
            limits=(),
        ),
        panic_at=None,
        coverage=Coverage(decrease=True, zero=True, silent=(), overdue=False),
        limits=("window",),
    )
