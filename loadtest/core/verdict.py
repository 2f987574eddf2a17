"""Whether a run from zero pods and back did what was promised."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loadtest.core.timeline import PodsSample, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the scenario saw."""

    first: Request
    """The request that was sent at zero pods."""

    load: Sequence[Request]
    """The requests of the load that followed."""

    samples: Sequence[PodsSample]
    """The revision's status over the whole run, oldest first."""

    def peak_pods(self) -> int:
        """Return the most pods that were ready at once."""
        return max((sample.ready_pods for sample in self.samples), default=0)


def broken_promises(observed: Observed, *, least_pods: int, most_pods: int) -> Iterator[str]:
    """Yield one sentence for each promise that was not kept.

    `least_pods` must have been ready at once under load, and no more than `most_pods` ever.
    """
    peak = observed.peak_pods()
    pods_before = [
        sample.pods for sample in observed.samples if sample.at <= observed.first.began_at
    ]
    if set(pods_before) != {0}:
        seen = f"up to {max(pods_before)} were seen" if pods_before else "the API told of none"
        yield f"the run begins at 0 pods, but {seen}"
    if observed.first.failure:
        yield f"the request held at 0 pods is answered, but it failed: {observed.first.failure}"
    if not observed.load:
        yield "load is sent, but no request of it ended"
    yield from _failed_load(observed.load)
    if peak < least_pods:
        yield f"at least {least_pods} pods are ready at once under load, but the most was {peak}"
    if peak > most_pods:
        yield f"never more than {most_pods} pods are ready, but {peak} were"
    if observed.samples and observed.samples[-1].pods > 0:
        yield f"the run ends at 0 pods, but {observed.samples[-1].pods} were left"


def _failed_load(load: Sequence[Request]) -> Iterator[str]:
    failures = [request.failure for request in load if request.failure]
    if failures:
        failed = f"{len(failures)} of {len(load)} did; the first: {failures[0]}"
        yield f"no request of the load fails, but {failed}"
