"""Which pods go when there are to be fewer, and when it is time.

Kubernetes takes pods with a low `controller.kubernetes.io/pod-deletion-cost` first. So the idlest
pods are marked, activators stop using marked pods, and fewer replicas are asked for once the marked
ones are idle and the mark has been seen for a second; after half a minute they go as they are.
Pods that are not ready go first in any case and need no mark.
"""

from collections.abc import Iterable
from dataclasses import dataclass

MARK_SETTLES_S = 1.0
"""How long our own watch must have shown the marks: then the controllers' caches have them too."""

LONGEST_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A ready pod that may go."""

    name: str
    concurrency: float | None
    """Requests in it. None: it did not say, which counts as more than any number."""

    is_marked: bool
    created_at: float


def choose_departures(candidates: Iterable[Candidate], count: int) -> tuple[Candidate, ...]:
    """Return the `count` pods to go: the idlest; of equals those marked already, then the youngest.

    A marked pod stays chosen while it is no busier than the others, so that marks do not wander.
    """

    def order(candidate: Candidate) -> tuple[float, bool, float]:
        load = float("inf") if candidate.concurrency is None else candidate.concurrency
        return load, not candidate.is_marked, -candidate.created_at

    return tuple(sorted(candidates, key=order)[:count])


def may_depart(
    chosen: Iterable[Candidate], *, marks_seen_at: float | None, began_at: float, now: float
) -> bool:
    """Tell whether fewer replicas may be asked for.

    `marks_seen_at` is since when our watch has shown all marks (None: not yet), `began_at` when the
    first pod was marked.
    """
    if marks_seen_at is None or now - marks_seen_at < MARK_SETTLES_S:
        return now - began_at >= LONGEST_WAIT_S
    idle = all(candidate.concurrency == 0.0 for candidate in chosen)
    return idle or now - began_at >= LONGEST_WAIT_S
