import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from autoscaler.core.defaults import Defaults
from autoscaler.core.settings import parse_annotations
from autoscaler.model_metrics_scraper import ModelMetricsScraper
from autoscaler.tracked_revision import TrackedRevision
from servingkit.clock import monotonic
from servingkit.core.annotation_names import OUR_PREFIX
from servingkit.core.revision import Address, Pod, PodState
from servingkit.http1.client import HttpClient
from servingkit.http1.engine import Engine
from tests.autoscaler.tracked import IRIS, tracked_revision
from tests.fakes.cluster import NOWHERE, FakeCluster, pod
from tests.fakes.web_server import web_server
from tests.polling import until

pytestmark = pytest.mark.asyncio

WAITING = "vllm:num_requests_waiting"


class Model:
    """A model's Prometheus page at `/stats`; `hangs` until the test ends."""

    def __init__(self, waiting: float) -> None:
        self.waiting = waiting
        self.status = 200
        self.asked = 0
        self.hangs = False
        self.address = NOWHERE

    async def page(self, _: web.Request) -> web.Response:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        return web.Response(text=f"{WAITING} {self.waiting}\n", status=self.status)

    def pod(self, name: str, state: PodState = PodState.READY) -> Pod:
        return replace(pod(name, state), metrics=self.address)


@asynccontextmanager
async def model(waiting: float) -> AsyncIterator[Model]:
    server = Model(waiting)
    application = web.Application()
    application.router.add_get("/metrics", server.page)
    application.router.add_get("/stats", server.page)
    async with web_server(application) as server.address:
        yield server


def scaled_by_waiting(**more: str) -> TrackedRevision:
    tracked = tracked_revision()
    names = {"metrics": f"gauge:{WAITING}=4"} | {
        name.replace("_", "-"): value for name, value in more.items()
    }
    annotations = {OUR_PREFIX + name: value for name, value in names.items()}
    revision = replace(tracked.revision, annotations=annotations)
    tracked.update(revision, parse_annotations(annotations, Defaults()))
    return tracked


@asynccontextmanager
async def scraping(cluster: FakeCluster, tracked: TrackedRevision) -> AsyncIterator[None]:
    async with Engine() as engine, asyncio.TaskGroup() as group:
        scraper = ModelMetricsScraper(HttpClient(engine), cluster, {IRIS: tracked})
        task = group.create_task(scraper.run())
        yield
        task.cancel()


def seen(tracked: TrackedRevision) -> list[float]:
    assert tracked.model_metrics is not None
    return [it.reading.panic for it in tracked.model_metrics.measures(60, 60, monotonic())]


async def test_the_pages_of_ready_pods_are_read_and_added_up() -> None:
    cluster, tracked = FakeCluster(), scaled_by_waiting()
    async with model(2) as one, model(5) as other, model(100) as starting:
        cluster.put_pods(IRIS, one.pod("a"), other.pod("b"), starting.pod("c", PodState.STARTING))
        async with scraping(cluster, tracked):
            await until(lambda: seen(tracked) == [7])
        assert starting.asked == 0


async def test_pods_that_hang_or_refuse_are_like_those_that_answer() -> None:
    cluster, tracked = FakeCluster(), scaled_by_waiting()
    async with model(2) as one, model(5) as hung, model(9) as broken:
        hung.hangs, broken.status = True, 500
        cluster.put_pods(IRIS, one.pod("a"), hung.pod("b"), broken.pod("c"), pod("has no page"))
        async with scraping(cluster, tracked):
            await until(lambda: seen(tracked) == [8])


async def test_a_revision_is_asked_again_when_its_round_is_over() -> None:
    cluster, tracked = FakeCluster(), scaled_by_waiting()
    async with model(2) as one:
        cluster.put_pods(IRIS, one.pod("a"))
        async with scraping(cluster, tracked):
            await until(lambda: one.asked >= 3)


async def test_a_port_and_a_path_of_the_models_own_can_be_named() -> None:
    async with model(3) as one:
        tracked = scaled_by_waiting(metrics_port=str(one.address.port), metrics_path="/stats")
        cluster = FakeCluster()
        cluster.put_pods(IRIS, pod("a", stats=Address(one.address.host, 1)))
        async with scraping(cluster, tracked):
            await until(lambda: seen(tracked) == [3])


async def test_a_revision_without_such_metrics_is_left_alone() -> None:
    cluster, tracked = FakeCluster(), tracked_revision()
    other = scaled_by_waiting()
    async with model(2) as one, model(2) as control:
        cluster.put_pods(IRIS, one.pod("a"))
        cluster.put_pods(other.revision.id._replace(name="other"), control.pod("b"))
        async with Engine() as engine, asyncio.TaskGroup() as group:
            both = {IRIS: tracked, other.revision.id._replace(name="other"): other}
            task = group.create_task(ModelMetricsScraper(HttpClient(engine), cluster, both).run())
            await until(lambda: control.asked >= 2)
            task.cancel()
        assert one.asked == 0
