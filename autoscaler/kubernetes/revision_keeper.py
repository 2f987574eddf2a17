"""Makes workloads into revisions, keeps them so, and lets them go again.

One look at a revision compares what should be with what the caches show, and mends what differs; it
is taken on each change and each half minute, so it does not matter how things came to be as they
are. Only the leader looks. Nothing is touched while something is in the way or while the workload
is paused; what is in the way is said in one Event.
"""

import asyncio
import logging
from dataclasses import dataclass

from autoscaler.core.defaults import HPA_CLASS
from autoscaler.core.hpa_settings import parse_hpa_annotations
from autoscaler.core.unknown_annotations import unknown_annotations
from autoscaler.kubernetes.adoption import Adoption
from autoscaler.kubernetes.core.hpa import hpa_spec
from autoscaler.kubernetes.core.manifests import Owner
from autoscaler.kubernetes.core.preconditions import (
    Surroundings,
    adopted_name,
    pods_without_sidecar,
    public_name,
    scaled_by_keda,
    wanted_class,
    what_is_in_the_way,
)
from autoscaler.kubernetes.event_recorder import EventRecorder
from autoscaler.kubernetes.leadership import Leadership
from autoscaler.kubernetes.pod_check import what_does_not_answer
from autoscaler.kubernetes.public_endpoints import PublicSlices
from autoscaler.kubernetes.scale_writer import ScaleWriter
from autoscaler.kubernetes.service_index import ServiceIndex
from autoscaler.kubernetes.service_writer import ServiceWriter
from autoscaler.kubernetes.view import KubernetesView, is_paused
from autoscaler.kubernetes.work_queue import WorkQueue
from servingkit.cluster.kubernetes.api import ApiClient, ApiError
from servingkit.cluster.kubernetes.core.names import FINALIZER, REVISION_LABEL
from servingkit.cluster.kubernetes.core.objects import PodObject, ScaledObject, Workload
from servingkit.cluster.kubernetes.core.record import read_record, revision_of_private, settings_of
from servingkit.cluster.kubernetes.core.resource import PODS, SCALED_OBJECTS
from servingkit.cluster.kubernetes.reflector import Key
from servingkit.core.revision import Mode, PodState, RevisionId
from servingkit.http1.client import HttpClient

_log = logging.getLogger(__name__)

_LOOK_AGAIN_S = 30.0
_ACTIVATORS_OF_NONE = 2
"""Activators in the path of a revision that another autoscaler scales, while it has no pod."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writers:
    """Who writes what."""

    services: ServiceWriter
    adoption: Adoption
    endpoints: PublicSlices
    scale: ScaleWriter
    events: EventRecorder


class RevisionKeeper:
    """Looks at revisions, one at a time each."""

    def __init__(
        self,
        api: ApiClient,
        client: HttpClient,
        view: KubernetesView,
        index: ServiceIndex,
        leadership: Leadership,
        writers: Writers,
    ) -> None:
        self._api = api
        self._client = client
        self._view = view
        self._index = index
        self._leadership = leadership
        self._services = writers.services
        self._adoption = writers.adoption
        self._endpoints = writers.endpoints
        self._scale = writers.scale
        self._events = writers.events
        self.queue = WorkQueue("revisions", self._look_if_leading)
        view.workloads.on_change(self.queue.add)
        view.pods.on_pods_change(self.queue.add)
        view.services.on_change(self._service_changed)
        view.autoscalers.on_change(self._autoscaler_changed)
        self._endpoints.on_first_published(self.queue.add)
        leadership.on_begin(self.look_at_all)

    def __repr__(self) -> str:
        return f"<RevisionKeeper {self.queue!r}>"

    async def run(self) -> None:
        """Look until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.queue.run())
            while True:
                await asyncio.sleep(_LOOK_AGAIN_S)
                self.look_at_all()

    def look_at_all(self) -> None:
        """Have every revision looked at, also those that are none any more."""
        for revision in self.all_known():
            self.queue.add(revision)

    def all_known(self) -> set[RevisionId]:
        """Return the revisions that are, and those that left something behind."""
        left = (revision_of_private(*key) for key in self._view.services.objects)
        return {*self._view.workloads, *(revision for revision in left if revision is not None)}

    def has_traces(self, revision: RevisionId) -> bool:
        """Tell whether there is anything of ours in the cluster for a revision."""
        found = self._view.workloads.find(revision)
        has_finalizer = found is not None and FINALIZER in (found[1].metadata.finalizers or ())
        has_service = self._view.private_service(revision) is not None
        return has_service or has_finalizer or bool(self._index.adopted(revision))

    async def release(self, revision: RevisionId) -> None:
        """Undo what was done for a workload, as far as it is there. Raises ClusterError.

        One at zero gets a pod, for nobody is left to wake it.
        """
        live = await self._live_workload(revision)
        if live is not None and live[1].spec.replicas == 0 and not is_paused(live[1]):
            await self._scale.wake(live[0])
        for name in self._index.adopted(revision):
            service = self._view.service(revision.namespace, name)
            if service is not None:
                await self._adoption.give_back(service)
        self._endpoints.forget(revision)
        await self._endpoints.remove(revision)
        live = await self._live_workload(revision)  # as it is by now
        if live is not None:
            await self._adoption.set_finalizer(*live, present=False)
        await self._services.remove(revision)
        _log.info("revision released", extra={"revision": str(revision)})

    # --- one look --------------------------------------------------------------------------------

    async def _look_if_leading(self, revision: RevisionId) -> None:
        if self._leadership.leads():
            await self._look(revision)

    async def _look(self, revision: RevisionId) -> None:
        found = self._view.workloads.find(revision)
        if found is None:
            await self._look_at_remains(revision)
            return
        owner, workload = found
        if workload.metadata.deletion_timestamp:
            await self._let_go(owner, workload)
            return
        if is_paused(workload):
            return
        problem = await self._what_is_in_the_way(owner, workload)
        self._note(revision, problem)
        if problem is not None:
            await self._events.warn(owner, "NotManaged", f"Not managed by Inflight: {problem}")
            return
        await self._keep(owner, workload)
        for sentence in unknown_annotations(settings_of(workload)):
            await self._events.warn(owner, "UnknownAnnotation", sentence)
        self._view.revisions.look_again(revision)

    async def _keep(self, owner: Owner, workload: Workload) -> None:
        """Mend what differs from what should be."""
        adopted = adopted_name(workload)
        if adopted is not None:
            await self._adoption.set_finalizer(owner, workload, present=True)
        else:
            await self._services.keep_public(owner)
        is_new = self._view.private_service(owner.revision) is None
        # Last of the Services: with this one the revision shows up everywhere.
        await self._services.keep_private(owner, workload)
        if is_new:
            said = f"Managed by Inflight; clients use the Service {public_name(workload)}"
            await self._events.tell_once(owner, "Managed", said)
        await self._give_back_others(owner, workload)
        if wanted_class(workload, self._view.defaults) == HPA_CLASS:
            await self._keep_with_hpa(owner, workload)
        else:
            await self._services.keep_autoscaler(owner, None)
            if not await self._scale.tidy(owner.revision):
                self.queue.add_later(owner.revision)
        if adopted is None or not self._endpoints.is_published(owner.revision, adopted):
            return
        service = self._view.service(owner.revision.namespace, adopted)
        if service is not None:
            await self._adoption.adopt(owner, service)
            await self._drop_own_public(owner, adopted)

    async def _drop_own_public(self, owner: Owner, adopted: str) -> None:
        """Delete the public Service that we made before another one was to be adopted."""
        namespace, name = owner.revision
        own = self._view.service(namespace, name)
        if name != adopted and own is not None and own.metadata.label(REVISION_LABEL) == name:
            await self._services.remove_public(owner.revision)
            await self._endpoints.remove(owner.revision)

    async def _keep_with_hpa(self, owner: Owner, workload: Workload) -> None:
        settings = parse_hpa_annotations(settings_of(workload), self._view.defaults)
        await self._services.keep_autoscaler(owner, hpa_spec(settings))
        if workload.spec.replicas == 0:
            # A HorizontalPodAutoscaler leaves a workload without pods alone.
            await self._scale.set_scale(owner.revision, 1)
        if self._view.is_managed(owner.revision):
            await self._endpoints.publish(owner.revision, Mode.SERVE, _ACTIVATORS_OF_NONE)

    async def _give_back_others(self, owner: Owner, workload: Workload) -> None:
        """Give back Services that the user does not want to be adopted any more."""
        namespace, wanted = owner.revision.namespace, adopted_name(workload)
        for name in self._index.adopted(owner.revision):
            service = self._view.service(namespace, name)
            if name != wanted and service is not None:
                await self._adoption.give_back(service)
        if wanted is None:
            await self._adoption.set_finalizer(owner, workload, present=False)

    async def _let_go(self, owner: Owner, workload: Workload) -> None:
        """Give the Service back, so that the workload may go; what we own goes with it."""
        for name in self._index.adopted(owner.revision):
            service = self._view.service(owner.revision.namespace, name)
            if service is not None:
                await self._adoption.give_back(service)
        await self._adoption.set_finalizer(owner, workload, present=False)
        self._endpoints.forget(owner.revision)

    async def _look_at_remains(self, revision: RevisionId) -> None:
        """Release what is no revision any more; of what was deleted, Kubernetes clears up."""
        self._view.in_the_way.pop(revision, None)
        live = await self._live_workload(revision)
        if live is not None:
            await self.release(revision)
            await self._events.tell(live[0], "Released", "No longer managed by Inflight")
            return
        for name in self._index.adopted(revision):
            adopted = self._view.service(revision.namespace, name)
            if adopted is not None:
                await self._adoption.give_back(adopted)
        self._endpoints.forget(revision)

    async def _live_workload(self, revision: RevisionId) -> tuple[Owner, Workload] | None:
        """Return the workload that our Services say they are for; it may have lost its label."""
        namespace, name = revision
        for service in (self._view.private_service(revision), self._view.service(namespace, name)):
            if service is None or service.metadata.label(REVISION_LABEL) != name:
                continue
            for owner in service.metadata.owner_references or ():
                resource = self._view.workloads.resource_of(owner.kind)
                live = await self._api.get(Workload, resource, *revision) if resource else None
                if resource and live is not None and live.metadata.uid == owner.uid:
                    return Owner(revision, resource, owner.kind, owner.uid), live
        return None

    # --- preconditions ---------------------------------------------------------------------------

    async def _what_is_in_the_way(self, owner: Owner, workload: Workload) -> str | None:
        revision = owner.revision
        around = Surroundings(
            private=self._view.private_service(revision),
            public=self._view.service(revision.namespace, public_name(workload)),
            autoscalers=self._view.autoscalers_in(revision.namespace),
        )
        problem = what_is_in_the_way(owner.kind, workload, around, self._view.defaults)
        if problem is None:
            problem = pods_without_sidecar(self._view.pods.objects(revision))
        record = None if around.private is None else read_record(around.private)
        is_new = record is None or record.uid != owner.uid
        if problem is None and is_new:
            problem = scaled_by_keda(owner.kind, workload, await self._scaled_objects(revision))
        if problem is None and is_new:
            problem = await self._what_its_pods_lack(owner, workload)
        return problem

    async def _scaled_objects(self, revision: RevisionId) -> list[ScaledObject]:
        """Return KEDA's orders; each that is not paused also has a HorizontalPodAutoscaler."""
        try:
            found, _ = await self._api.list(ScaledObject, SCALED_OBJECTS, revision.namespace)
        except ApiError as error:
            if not error.not_found:
                raise
            return []  # there is no KEDA
        return found

    async def _what_its_pods_lack(self, owner: Owner, workload: Workload) -> str | None:
        """Look at the pods themselves, which may be without our label."""
        labels = workload.spec.selector.match_labels or {}
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        pods, _ = await self._api.list(PodObject, PODS, owner.revision.namespace, selector)
        problem = pods_without_sidecar(pods)
        if problem is not None:
            return problem
        ready = (pod for pod in self._view.pods.pods(owner.revision) if pod.state is PodState.READY)
        return await what_does_not_answer(self._client, ready)

    def _note(self, revision: RevisionId, problem: str | None) -> None:
        if problem is None:
            self._view.in_the_way.pop(revision, None)
        else:
            self._view.in_the_way[revision] = problem
        self._view.revisions.look_again(revision)

    # --- what calls for a look -------------------------------------------------------------------

    def _service_changed(self, key: Key) -> None:
        for revision in (
            revision_of_private(*key),
            self._index.adopter(key),
            RevisionId(*key),
        ):
            if revision is not None:
                self.queue.add(revision)

    def _autoscaler_changed(self, key: Key) -> None:
        one = self._view.autoscalers.objects.get(key)
        if one is not None:
            self.queue.add(RevisionId(key.namespace, one.spec.scale_target_ref.name))
