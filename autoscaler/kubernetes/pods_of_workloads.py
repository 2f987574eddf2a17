"""The pods of all revisions, as the API has them (the Kubernetes side of `Pods` here).

Activators read slices; the autoscaler also has to see pods that have no address yet, how old a pod
is, and whether it is marked to go first.
"""

import datetime as dt
from collections.abc import Iterable

from autoscaler.kubernetes.core.sidecar import sidecar_ports
from servingkit.clock import monotonic, wall_clock
from servingkit.cluster.kubernetes.core.names import MODEL_METRICS, POD_DELETION_COST
from servingkit.cluster.kubernetes.core.objects import PodObject
from servingkit.cluster.kubernetes.reflector import Key, Reflector
from servingkit.cluster.protocols import OnChange
from servingkit.core.revision import Address, Pod, PodState, RevisionId
from servingkit.core.sidecar import METRICS_PORT

MARK = "-1"
"""The deletion cost of a pod that is to go first; pods without one have 0."""


class PodsOfWorkloads:
    """Pods by revision; follows a reflector of pods that have our label."""

    def __init__(self, pods: Reflector[PodObject]) -> None:
        self._reflector = pods
        self._keys_of: dict[RevisionId, set[Key]] = {}
        self._owner_of: dict[Key, RevisionId] = {}
        self._pods: dict[RevisionId, tuple[Pod, ...]] = {}
        self._callbacks: list[OnChange] = []
        self._clock_offset_s = monotonic() - wall_clock()
        """Read once, so that pods of one second have one age however often they are looked at."""

        pods.on_change(self._pod_changed)

    def __repr__(self) -> str:
        return f"<PodsOfWorkloads {len(self._owner_of)} pods>"

    def pods(self, revision: RevisionId) -> tuple[Pod, ...]:
        """Return the pods of a revision, oldest first; empty for an unknown revision."""
        return self._pods.get(revision, ())

    def on_pods_change(self, callback: OnChange) -> None:
        """Call back when a revision's pods or their states changed."""
        self._callbacks.append(callback)

    def objects(self, revision: RevisionId) -> list[PodObject]:
        """Return the pods of a revision as the API has them."""
        keys = self._keys_of.get(revision, ())
        return [self._reflector.objects[key] for key in keys if key in self._reflector.objects]

    def marked(self, revision: RevisionId) -> frozenset[str]:
        """Return the names of the pods that our watch shows as marked."""
        return frozenset(
            pod.metadata.name
            for pod in self.objects(revision)
            if pod.metadata.annotation(POD_DELETION_COST) == MARK
        )

    def _pod_changed(self, key: Key) -> None:
        pod = self._reflector.objects.get(key)
        revision = self._owner_of.pop(key, None) if pod is None else _workload_of(pod)
        if revision is None:
            return
        keys = self._keys_of.setdefault(revision, set())
        if pod is None:
            keys.discard(key)
        else:
            keys.add(key)
            self._owner_of[key] = revision
        before = self._pods.pop(revision, ())
        if keys:
            objects = self.objects(revision)
            self._pods[revision] = after = _as_pods(objects, self._clock_offset_s)
        else:
            del self._keys_of[revision]
            after = ()
        if before != after:
            for callback in self._callbacks:
                callback(revision)


def _workload_of(pod: PodObject) -> RevisionId | None:
    """Return the workload whose pod this is; None for a pod that nothing keeps.

    A Deployment's pods belong to its ReplicaSets, which are named after it and a hash.
    """
    owner = pod.metadata.controller
    if owner is None:
        return None
    name = owner.name.rpartition("-")[0] if owner.kind == "ReplicaSet" else owner.name
    return RevisionId(pod.metadata.namespace, name)


def _as_pods(objects: Iterable[PodObject], clock_offset_s: float) -> tuple[Pod, ...]:
    pods = [
        _as_pod(pod, clock_offset_s)
        for pod in objects
        if pod.status.phase not in {"Succeeded", "Failed"}
    ]
    return tuple(sorted(pods, key=lambda pod: (pod.created_at, pod.name)))


def _as_pod(pod: PodObject, clock_offset_s: float) -> Pod:
    host = pod.status.pod_ip
    serving_port, stats_port = sidecar_ports(pod.spec)
    merges_metrics = bool(pod.metadata.annotation(MODEL_METRICS))
    return Pod(
        name=pod.metadata.name,
        state=_state(pod),
        serving=Address(host, serving_port),
        stats=Address(host, stats_port),
        metrics=Address(host, METRICS_PORT) if merges_metrics else None,
        created_at=_created_at(pod) + clock_offset_s,
    )


def _state(pod: PodObject) -> PodState:
    if pod.metadata.deletion_timestamp:
        return PodState.TERMINATING
    conditions = pod.status.conditions or ()
    ready = any(one.type == "Ready" and one.status == "True" for one in conditions)
    return PodState.READY if ready and pod.status.pod_ip else PodState.STARTING


def _created_at(pod: PodObject) -> float:
    """Return when a pod was made, in seconds since 1970; now if it does not say."""
    try:
        return dt.datetime.fromisoformat(pod.metadata.creation_timestamp).timestamp()
    except ValueError:
        return wall_clock()
