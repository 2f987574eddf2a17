"""A cluster in memory, with as many revisions and pods as a measurement wants.

Pods need no machines of their own: one port of all of 127.0.0.0/8 is the stub's, and each pod has
an address there, so that connections are kept for each pod as they would be in a cluster.
"""

from collections.abc import Mapping
from typing import Final

from autoscaler.cluster import Cluster
from servingkit.clock import monotonic
from servingkit.cluster.protocols import Activator, OnChange
from servingkit.core.revision import Address, Mode, Pod, PodState, Revision, RevisionId
from servingkit.core.revision_state import RevisionState

NAMESPACE: Final = "bench"
IDLE_NAMESPACE: Final = "idle"

_ADDRESSES_A_NET: Final = 250


def pod_address(number: int) -> str:
    """Return a loopback address for a pod."""
    net, host = divmod(number, _ADDRESSES_A_NET)
    return f"127.{1 + net // 250}.{net % 250}.{host + 1}"


def pod_number(address: str) -> int:
    """Return whose address this is."""
    _, high, low, host = (int(part) for part in address.split("."))
    return ((high - 1) * 250 + low) * _ADDRESSES_A_NET + host - 1


def pod_name(number: int) -> str:
    """Return a name as long as those that Kubernetes makes."""
    return f"model-{number:05d}-deployment-7d4b9c6f5d-x2x4z"


class SyntheticCluster:
    """All six seams. Busy revisions have pods, idle ones have none and note when they are woken."""

    def __init__(self, busy: int, pods_each: int, idle: int, *, stats_port: int = 1) -> None:
        """Make revisions; their pods' stats are at `stats_port`, 1 when nobody asks for them."""
        self.scale_reads = 0
        """Each decision reads the scale once."""

        self.woken: list[tuple[int, float]] = []
        """Idle revisions that were scaled, and when, on the monotonic clock of the machine."""

        self._revisions: dict[RevisionId, Revision] = {}
        self._pods: dict[RevisionId, tuple[Pod, ...]] = {}
        self._replicas: dict[RevisionId, int] = {}
        self._activators = (Activator("activator-0", "127.0.0.1"),)
        for number in range(busy):
            first = number * pods_each
            pods = tuple(_pod(pod, stats_port) for pod in range(first, first + pods_each))
            self._add(busy_id(number), pods)
        for number in range(idle):
            self._add(idle_id(number), ())

    def __repr__(self) -> str:
        return f"<SyntheticCluster {len(self._revisions)} revisions>"

    def seams(self) -> Cluster:
        """Return what the autoscaler takes."""
        return Cluster(
            revisions=self,
            pods=self,
            scale=self,
            public_endpoints=self,
            activators=self,
            states=self,
        )

    def _add(self, revision_id: RevisionId, pods: tuple[Pod, ...]) -> None:
        scaling = {"autoscaling.knative.dev/initial-scale": "0"} if not pods else {}
        self._revisions[revision_id] = Revision(
            id=revision_id, uid=str(revision_id), annotations=scaling, container_concurrency=10
        )
        self._pods[revision_id] = pods
        self._replicas[revision_id] = len(pods)

    # --- the seams

    def revisions(self) -> Mapping[RevisionId, Revision]:
        """Return all."""
        return self._revisions

    def on_revision_change(self, callback: OnChange) -> None:
        """Show each as new; nothing changes later."""
        for revision_id in self._revisions:
            callback(revision_id)

    def pods(self, revision: RevisionId) -> tuple[Pod, ...]:
        """Return the pods, which are always ready."""
        return self._pods[revision]

    def on_pods_change(self, callback: OnChange) -> None:
        """Never call."""

    async def get_scale(self, revision: RevisionId) -> int:
        """Return the replicas."""
        self.scale_reads += 1
        return self._replicas[revision]

    async def set_scale(self, revision: RevisionId, replicas: int) -> None:
        """Note when an idle revision is woken, and let it sleep again."""
        if revision.namespace == IDLE_NAMESPACE:
            if replicas:
                self.woken.append((int(revision.name), monotonic()))
        else:
            self._replicas[revision] = replicas

    async def publish(self, revision: RevisionId, mode: Mode, activators: int) -> None:
        """Do nothing."""

    def activators_receive(self, revision: RevisionId) -> bool:  # noqa: ARG002 -- all are proxied
        """Take all traffic to go to activators."""
        return True

    def public_address(self, revision: RevisionId) -> Address | None:
        """Have no clients."""

    async def ask_public_address(self, revision: RevisionId) -> str | None:
        """Have an activator answer."""

    def activators(self) -> tuple[Activator, ...]:
        """Return the activators that must report."""
        return self._activators

    def state(self, revision: RevisionId) -> RevisionState | None:
        """Know nothing of an earlier process."""

    async def save_state(self, revision: RevisionId, state: RevisionState) -> None:
        """Forget it."""


def busy_id(number: int) -> RevisionId:
    """Return the name of a busy revision."""
    return RevisionId(NAMESPACE, f"model-{number:05d}-deployment")


def idle_id(number: int) -> RevisionId:
    """Return the name of an idle revision."""
    return RevisionId(IDLE_NAMESPACE, f"{number}")


def _pod(number: int, port: int) -> Pod:
    address = Address(pod_address(number), port)
    return Pod(
        name=pod_name(number),
        state=PodState.READY,
        serving=address,
        stats=address,
        created_at=0.0,
    )
