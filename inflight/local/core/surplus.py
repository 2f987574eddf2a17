"""Which pods go when a revision shrinks."""

from collections.abc import Sequence

from servingkit.core.revision import Pod, PodState


def pick_surplus(pods: Sequence[Pod], replicas: int) -> list[str]:
    """Return the names of the pods to delete so that `replicas` are left.

    As a ReplicaSet chooses: pods that are not ready go first, then the youngest. Pods that
    terminate already do not count.
    """
    alive = [pod for pod in pods if pod.state is not PodState.TERMINATING]
    alive.sort(key=lambda pod: (pod.state is PodState.READY, -pod.created_at))
    return [pod.name for pod in alive[: max(0, len(alive) - replicas)]]
