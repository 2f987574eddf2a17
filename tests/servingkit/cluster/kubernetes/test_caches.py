"""Revisions and pods, as Services and slices show them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from servingkit.cluster.kubernetes.api import ApiClient
from servingkit.cluster.kubernetes.core.objects import EndpointSlice, ServiceObject
from servingkit.cluster.kubernetes.core.resource import ENDPOINT_SLICES, SERVICES
from servingkit.cluster.kubernetes.pod_cache import PodCache
from servingkit.cluster.kubernetes.reflector import Reflector
from servingkit.cluster.kubernetes.revision_cache import RevisionCache
from servingkit.core.revision import PodState, RevisionId
from tests.fakes.kube_api import KubeApi
from tests.fakes.kube_objects import endpoint, private_service, private_slice, service
from tests.polling import until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

IRIS = RevisionId("shop", "iris")
SLICES = "endpointslices.discovery.k8s.io"


class Caches:
    def __init__(self, api: ApiClient) -> None:
        self.services = Reflector(api, ServiceObject, SERVICES)
        self.slices = Reflector(api, EndpointSlice, ENDPOINT_SLICES)
        self.revisions = RevisionCache(self.services)
        self.pods = PodCache(self.services, self.slices)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(one.run()) for one in (self.services, self.slices)]
        for one in (self.services, self.slices):
            await asyncio.wait_for(one.synced.wait(), 30)
        yield
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def states(self) -> dict[str, PodState]:
        return {pod.name: pod.state for pod in self.pods.pods(IRIS)}


async def test_a_private_service_is_a_revision_and_no_other_is(
    server: KubeApi, api: ApiClient
) -> None:
    server.put("services", private_service(container_concurrency="4"))
    server.put("services", service("bert-private"))
    caches = Caches(api)
    async with caches.running():
        revisions = caches.revisions.revisions()
        assert list(revisions) == [IRIS]
        assert revisions[IRIS].container_concurrency == 4


async def test_a_change_is_announced_after_it_shows_and_old_views_stay(
    server: KubeApi, api: ApiClient
) -> None:
    server.put("services", private_service())
    caches = Caches(api)
    told: list[tuple[RevisionId, bool]] = []

    def note(revision: RevisionId) -> None:
        told.append((revision, revision in caches.revisions.revisions()))

    async with caches.running():
        caches.revisions.on_revision_change(note)
        assert told == [(IRIS, True)]  # it was there already
        before = caches.revisions.revisions()
        server.put("services", private_service(container_concurrency="9"))
        await until(lambda: len(told) == 2)
        assert before[IRIS].container_concurrency == 0
        server.remove("services", "shop", "iris-private")
        await until(lambda: told[2:] == [(IRIS, False)])


async def test_many_revisions_at_once_are_shown_together(server: KubeApi, api: ApiClient) -> None:
    for number in range(300):
        server.put("services", private_service(f"model-{number}"))
    caches = Caches(api)
    seen: list[int] = []
    caches.revisions.on_revision_change(lambda _: seen.append(len(caches.revisions.revisions())))
    async with caches.running():
        await until(lambda: len(seen) == 300)
    assert set(seen) == {300}


async def test_pods_follow_slices_and_marks(server: KubeApi, api: ApiClient) -> None:
    server.put("services", private_service())
    server.put(SLICES, private_slice(endpoint("a"), endpoint("b", ready=False)))
    caches = Caches(api)
    changes: list[RevisionId] = []
    caches.pods.on_pods_change(changes.append)
    async with caches.running():
        await until(lambda: caches.states() == {"a": PodState.READY, "b": PodState.STARTING})
        leaving = {"metadata": {"annotations": {"inflight.dev/leaving": "a"}}}
        server.edit("services", "shop", "iris-private", leaving)
        await until(lambda: caches.states()["a"] is PodState.TERMINATING)
        server.edit(
            "services",
            "shop",
            "iris-private",
            {"metadata": {"annotations": {"inflight.dev/leaving": None}}},
        )
        await until(lambda: caches.states()["a"] is PodState.READY)
        server.remove(SLICES, "shop", "iris-private-abcde")
        await until(lambda: caches.pods.pods(IRIS) == ())
    assert set(changes) == {IRIS}


async def test_slices_that_went_while_the_server_was_away_are_forgotten(
    server: KubeApi, api: ApiClient
) -> None:
    for number in range(3):
        one = private_slice(endpoint(f"pod-{number}"))
        one["metadata"]["name"] = f"iris-private-{number}"
        server.put(SLICES, one)
    server.put("services", private_service())
    caches = Caches(api)
    async with caches.running():
        await until(lambda: len(caches.states()) == 3)
        server.faults.away = True
        server.cut_watches()
        for number in range(2):
            server.remove(SLICES, "shop", f"iris-private-{number}")
        server.forget_history()
        server.faults.away = False
        await until(lambda: list(caches.states()) == ["pod-2"], 60)
