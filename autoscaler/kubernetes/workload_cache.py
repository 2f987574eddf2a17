"""The workloads that are revisions, of all kinds that are looked after."""

from collections.abc import Callable, Iterator

from autoscaler.kubernetes.core.manifests import Owner
from servingkit.cluster.kubernetes.api import ApiClient
from servingkit.cluster.kubernetes.core.names import ENABLED_SELECTOR
from servingkit.cluster.kubernetes.core.objects import Workload
from servingkit.cluster.kubernetes.core.resource import Resource
from servingkit.cluster.kubernetes.reflector import Key, Reflector
from servingkit.core.revision import RevisionId

_KINDS = {
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "replicasets": "ReplicaSet",
    "rollouts": "Rollout",
}


class WorkloadCache:
    """Workloads by revision; of two of one name, the one whose kind was named first."""

    def __init__(self, api: ApiClient, resources: tuple[Resource, ...]) -> None:
        self.reflectors = tuple(
            Reflector(api, Workload, resource, selector=ENABLED_SELECTOR) for resource in resources
        )
        self._resources = resources

    def __repr__(self) -> str:
        return f"<WorkloadCache {self.reflectors!r}>"

    def __iter__(self) -> Iterator[RevisionId]:
        for reflector in self.reflectors:
            for key in tuple(reflector.objects):
                yield RevisionId(*key)

    def find(self, revision: RevisionId) -> tuple[Owner, Workload] | None:
        """Return a revision's workload, and how others refer to it; None: there is none."""
        key = Key(*revision)
        for resource, reflector in zip(self._resources, self.reflectors, strict=True):
            workload = reflector.objects.get(key)
            if workload is not None:
                owner = Owner(revision, resource, kind_of(resource), workload.metadata.uid)
                return owner, workload
        return None

    def resource_of(self, kind: str) -> Resource | None:
        """Return the resource of a kind that is looked after."""
        return next((one for one in self._resources if kind_of(one) == kind), None)

    def on_change(self, callback: Callable[[RevisionId], None]) -> None:
        """Call back at each change from now on."""
        for reflector in self.reflectors:
            reflector.on_change(lambda key: callback(RevisionId(*key)))


def kind_of(resource: Resource) -> str:
    """Return the kind of a resource: `Deployment` for `deployments`."""
    plural = resource.plural
    return _KINDS.get(plural, plural.removesuffix("s").capitalize())
