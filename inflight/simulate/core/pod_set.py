"""The pods of one revision: slots for requests, and life from start to end.

Requests go to ready pods in turn. When there are too many pods, those that are not ready go first,
then the youngest, as a ReplicaSet chooses; one that has requests finishes them first.
"""

from collections import Counter, deque

from servingkit.core.revision import PodState


class SimulatedPod:
    """One pod; `running` are its requests."""

    __slots__ = ("created_at", "in_turn", "running", "state")

    def __init__(self, created_at: float) -> None:
        self.created_at = created_at
        self.state = PodState.STARTING
        self.running = 0
        self.in_turn = False
        """Whether it stands in the line of pods with a free slot."""

    def __repr__(self) -> str:
        return f"<SimulatedPod {self.state.value}, {self.running} running>"


class PodSet:
    """Pods of which each runs at most `container_concurrency` requests at once (0: no limit)."""

    __slots__ = ("_container_concurrency", "_line", "_past_pod_seconds", "_pods")

    def __init__(self, container_concurrency: int) -> None:
        self._container_concurrency = container_concurrency
        self._pods: list[SimulatedPod] = []
        self._line: deque[SimulatedPod] = deque()
        self._past_pod_seconds = 0.0

    def __repr__(self) -> str:
        return f"<PodSet of {self._pods}>"

    def count(self) -> Counter[PodState]:
        """Return how many pods there are in each state."""
        return Counter(pod.state for pod in self._pods)

    def pod_seconds(self, now: float) -> float:
        """Return how long all pods together have existed, starting and ending included."""
        return self._past_pod_seconds + sum(now - pod.created_at for pod in self._pods)

    def scale_to(self, replicas: int, now: float) -> list[SimulatedPod]:
        """Have so many pods, those that end not counted; return new ones, to be made ready."""
        alive = [pod for pod in self._pods if pod.state is not PodState.TERMINATING]
        new = [SimulatedPod(now) for _ in range(replicas - len(alive))]
        self._pods += new
        alive.sort(key=lambda pod: (pod.state is PodState.READY, -pod.created_at))
        for pod in alive[: max(0, len(alive) - replicas)]:
            pod.state = PodState.TERMINATING
            self._end_if_idle(pod, now)
        return new

    def make_ready(self, pod: SimulatedPod) -> None:
        """Let a pod that has started take requests; no effect if it was given up meanwhile."""
        if pod.state is PodState.STARTING:
            pod.state = PodState.READY
            self._join_line(pod)

    def take_slot(self) -> SimulatedPod | None:
        """Give a free slot to a request; None if there is none."""
        line = self._line
        while line:
            pod = line.popleft()
            pod.in_turn = False
            if pod.state is PodState.READY:
                pod.running += 1
                self._join_line(pod)
                return pod
        return None

    def free_slot(self, pod: SimulatedPod, now: float) -> None:
        """Take a slot back."""
        pod.running -= 1
        if pod.state is PodState.READY:
            self._join_line(pod)
        else:
            self._end_if_idle(pod, now)

    def _join_line(self, pod: SimulatedPod) -> None:
        limit = self._container_concurrency
        if not pod.in_turn and (limit == 0 or pod.running < limit):
            pod.in_turn = True
            self._line.append(pod)

    def _end_if_idle(self, pod: SimulatedPod, now: float) -> None:
        if pod.running == 0:
            self._pods.remove(pod)
            self._past_pod_seconds += now - pod.created_at
