"""What waits for a pod, counted as the work it is: the credit for pods that are starting.

While pods start, requests pile up, and every one of them counts as load. With arrivals of 20 a
second, 0.5 s of work each and a start of 30 s, 400 are in flight where 10 would be if the pods were
there; so the decider asks for forty times the pods that the load needs, and they are ready when the
pile is nearly gone.

With the credit, load is what the arrivals need (arrivals a second times the seconds that a pod
works on one: Little's law) and what it takes to work off the rest within a stable window. It is
never more than what is in flight, nor less than what the pods have.

How long a pod works on a request is learned from the pods' own reports: requests that they have
over requests that they get, over the stable window. Until a pod has served it is not known; what is
in flight is then shared out over the pods asked for, which keeps those pods, and asks for more only
when the pile has outgrown them by far. When a request takes as long as the stable window or longer,
everything in flight counts, since each that waits needs a slot of its own.

Worked example: 400 in flight, 4 of them in the only pod, 20 arrivals a second, 0.5 s each, a stable
window of 60 s: 20 x 0.5 + 396 x 0.5 / 60 = 13.3. The same without a pod that ever served, 8 pods
asked for at 2.8 a pod: 8 x 2.8 = 22.4 keeps them, 400 / 8 = 50 asks for 18.
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

    asked_pods: int
    """Pods asked for, starting ones included."""

    target_value: float
    """Requests in flight that each of them should have."""


def credited(in_flight: Reading, load: PodsLoad, drain_s: float) -> Reading:
    """Return the averages to decide on, where what waits is worked off within `drain_s`."""
    time_s = load.request_time_s
    if time_s is None:
        pods = max(1, load.asked_pods)
        kept = load.asked_pods * load.target_value
        return Reading(*(min(total, max(kept, total / pods)) for total in in_flight))
    if time_s >= drain_s:
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
