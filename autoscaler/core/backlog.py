"""What waits for a pod, counted as the work it is: the credit for pods that are starting.

While pods start, requests pile up, and every one of them counts as load. With arrivals of 20 a
second, 0.5 s of work each and a start of 30 s, 400 are in flight where 10 would be if the pods were
there; so the decider asks for forty times the pods that the load needs, and they are ready when the
pile is nearly gone.

With the credit, load is what the arrivals need (arrivals a second times the seconds that a pod
works on one: Little's law) and what it takes to work off the rest within a stable window. It is
never more than what is in flight, nor less than what the pods have.

How long a pod works on a request is learned from the pods' own reports: requests that they have
over requests that they get, over the stable window. Until a pod has served it is not known, and
everything in flight counts, as without the credit; so it does when a request takes as long as the
stable window or longer, since then each that waits needs a slot of its own.

Worked example: 400 in flight, 4 of them in the only pod, 20 arrivals a second, 0.5 s each, a stable
window of 60 s: 20 x 0.5 + 396 x 0.5 / 60 = 13.3.
"""

from typing import NamedTuple

from autoscaler.core.decider import Reading


class PodsLoad(NamedTuple):
    """What the pods have and get, over both windows."""

    running: Reading
    """Requests in the pods."""

    arrivals: Reading
    """Requests that all of the revision's clients send, a second."""

    request_time_s: float | None
    """How long a pod works on a request. None: not known yet."""


def credited(in_flight: Reading, load: PodsLoad, drain_s: float) -> Reading:
    """Return the averages to decide on, where what waits is worked off within `drain_s`."""
    time_s = load.request_time_s
    if time_s is None or time_s >= drain_s:
        return in_flight
    return Reading(
        *(
            min(
                total,
                max(running, arrivals * time_s) + max(0.0, total - running) * time_s / drain_s,
            )
            for total, running, arrivals in zip(in_flight, load.running, load.arrivals, strict=True)
        )
    )
