"""Revisions as the shells of the autoscaler hold them."""

from collections.abc import Mapping

from autoscaler.core.defaults import Defaults
from autoscaler.core.settings import PREFIX, parse_annotations
from autoscaler.tracked_revision import TrackedRevision
from servingkit.core.revision import Revision, RevisionId

IRIS = RevisionId("default", "iris")


def revision(scaling: Mapping[str, str] | None = None, *, uid: str = "1") -> Revision:
    """Return a revision; `scaling` holds annotations without their prefix."""
    annotations = {PREFIX + name: value for name, value in (scaling or {}).items()}
    return Revision(id=IRIS, uid=uid, annotations=annotations, container_concurrency=10)


def tracked_revision() -> TrackedRevision:
    made = revision()
    return TrackedRevision(made, parse_annotations(made.annotations, Defaults()))
