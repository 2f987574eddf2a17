"""What every replica of the autoscaler sees of the cluster, whether it leads or not."""

from collections.abc import Callable, Iterable

from autoscaler.core.defaults import KPA_CLASS, Defaults
from autoscaler.kubernetes.core.preconditions import wanted_class
from autoscaler.kubernetes.pods_of_workloads import PodsOfWorkloads
from autoscaler.kubernetes.settings import KubernetesSettings
from autoscaler.kubernetes.workload_cache import WorkloadCache
from servingkit.cluster.kubernetes.api import ApiClient
from servingkit.cluster.kubernetes.core.endpoints import activators_in
from servingkit.cluster.kubernetes.core.names import (
    ENABLED_SELECTOR,
    MANAGED_BY,
    PAUSED,
    REVISION_LABEL,
    SERVICE_NAME,
    US,
    private_name,
)
from servingkit.cluster.kubernetes.core.objects import (
    EndpointSlice,
    HorizontalPodAutoscaler,
    PodObject,
    ServiceObject,
    Workload,
)
from servingkit.cluster.kubernetes.core.record import (
    activator_port_of,
    leaving_pods,
    read_record,
    settings_of,
)
from servingkit.cluster.kubernetes.core.resource import (
    ENDPOINT_SLICES,
    HORIZONTAL_POD_AUTOSCALERS,
    PODS,
    SERVICES,
)
from servingkit.cluster.kubernetes.reflector import Key, Reflector, Reflectors
from servingkit.cluster.kubernetes.revision_cache import RevisionCache
from servingkit.cluster.protocols import Activator, OnChange
from servingkit.core.revision import Revision, RevisionId


class KubernetesView:
    """Caches of all that is read, and what follows from them.

    A revision is shown to the multiscaler while its workload and its private Service agree on who
    it is, it is of our class, it is not paused, and nothing is in its way.
    """

    def __init__(self, api: ApiClient, settings: KubernetesSettings, defaults: Defaults) -> None:
        self.defaults = defaults
        """What holds for revisions that do not say otherwise; may be set anew."""

        self.workloads = WorkloadCache(api, settings.workloads)
        self.services = Reflector(api, ServiceObject, SERVICES)
        self.slices = Reflector(api, EndpointSlice, ENDPOINT_SLICES, selector=f"{MANAGED_BY}={US}")
        self.autoscalers = Reflector(api, HorizontalPodAutoscaler, HORIZONTAL_POD_AUTOSCALERS)
        pods = Reflector(api, PodObject, PODS, selector=ENABLED_SELECTOR)
        self._activator_slices = Reflector(
            api,
            EndpointSlice,
            ENDPOINT_SLICES,
            namespace=settings.namespace,
            selector=f"{SERVICE_NAME}={settings.activator_service}",
        )
        self.caches = Reflectors(
            *self.workloads.reflectors,
            pods,
            self.autoscalers,
            self.slices,
            self._activator_slices,
            # Last: with its Service a revision is complete.
            self.services,
        )
        self.pods = PodsOfWorkloads(pods)
        self.in_the_way: dict[RevisionId, str] = {}
        """Why a revision is not managed; only the leader looks."""

        self.revisions = RevisionCache(self.services, self._is_scaled)
        self._activators: tuple[Activator, ...] = ()
        self._activator_slices.on_change(self._activator_slice_changed)
        self._activators_callbacks: list[Callable[[], None]] = []
        self.workloads.on_change(self.revisions.look_again)

    def __repr__(self) -> str:
        return f"<KubernetesView {self.revisions!r} {self.pods!r}>"

    # --- revisions -------------------------------------------------------------------------------

    def service(self, namespace: str, name: str) -> ServiceObject | None:
        """Return a Service; None: there is none."""
        return self.services.objects.get(Key(namespace, name))

    def private_service(self, revision: RevisionId) -> ServiceObject | None:
        """Return the Service that has the name of a revision's private one."""
        return self.service(revision.namespace, private_name(revision.name))

    def activator_port(self, revision: RevisionId) -> int:
        """Return the revision's port on every activator; 0: none yet."""
        service = self.private_service(revision)
        return 0 if service is None else activator_port_of(service)

    def leaving(self, revision: RevisionId) -> frozenset[str]:
        """Return the names of the pods that activators were told to leave alone."""
        service = self.private_service(revision)
        return frozenset[str]() if service is None else leaving_pods(service)

    def is_managed(self, revision: RevisionId) -> bool:
        """Tell whether something may be written for a revision now."""
        found = self.workloads.find(revision)
        service = self.private_service(revision)
        record = None if service is None else read_record(service)
        if found is None or record is None or revision in self.in_the_way:
            return False
        owner, workload = found
        return (
            owner.uid == record.uid
            and not workload.metadata.deletion_timestamp
            and not is_paused(workload)
        )

    def autoscalers_in(self, namespace: str) -> Iterable[HorizontalPodAutoscaler]:
        """Return the HorizontalPodAutoscalers of a namespace."""
        objects = self.autoscalers.objects
        return [one for key, one in objects.items() if key.namespace == namespace]

    def _is_scaled(self, revision: Revision) -> bool:
        found = self.workloads.find(revision.id)
        if found is None or wanted_class(found[1], self.defaults) != KPA_CLASS:
            return False
        return self.is_managed(revision.id)

    # --- endpoints -------------------------------------------------------------------------------

    def activators(self) -> tuple[Activator, ...]:
        """Return the ready activators, in the order of their names."""
        return self._activators

    def on_activators_change(self, callback: Callable[[], None]) -> None:
        """Call back when an activator comes or goes."""
        self._activators_callbacks.append(callback)

    def on_slice_change(self, callback: OnChange) -> None:
        """Call back when a slice of ours was made, changed or deleted."""
        revision_of: dict[Key, RevisionId] = {}

        def slice_changed(key: Key) -> None:
            one = self.slices.objects.get(key)
            if one is not None:
                revision_of[key] = RevisionId(key.namespace, one.metadata.label(REVISION_LABEL))
                callback(revision_of[key])
            elif key in revision_of:
                callback(revision_of.pop(key))

        self.slices.on_change(slice_changed)

    def _activator_slice_changed(self, _: Key) -> None:
        activators = activators_in(self._activator_slices.objects.values())
        if activators == self._activators:
            return
        self._activators = activators
        for callback in self._activators_callbacks:
            callback()


def is_paused(workload: Workload) -> bool:
    """Tell whether a person has stopped all writes for a workload."""
    return settings_of(workload).get(PAUSED, "").lower() == "true"
