import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from loadtest.core.timeline import PodsSample
from loadtest.pods_watch import PodsWatch, parse_status
from tests.fakes.web_server import web_server
from tests.polling import PATIENCE_S

STATUS = {
    "namespace": "default",
    "name": "iris",
    "metric": "concurrency",
    "target_value": 7.0,
    "concurrency": None,
    "desired_pods": None,
    "ready_pods": 1,
    "starting_pods": 2,
    "terminating_pods": 3,
    "panicking": True,
    "reason": "no decision yet",
    "a key of tomorrow": 1,
}


@asynccontextmanager
async def api(answer: Callable[[], web.Response]) -> AsyncIterator[str]:
    async def status(_: web.Request) -> web.Response:
        return answer()

    application = web.Application()
    application.router.add_get("/v1/revisions/default/iris", status)
    async with web_server(application) as address:
        yield f"http://{address}"


def ignore(_: PodsSample) -> None:
    pass


def test_status_of_the_api_becomes_a_sample() -> None:
    assert parse_status(STATUS, at=12.5) == PodsSample(
        at=12.5,
        target_in_flight=7.0,
        concurrency=None,
        desired_pods=None,
        ready_pods=1,
        starting_pods=2,
        terminating_pods=3,
        panicking=True,
        reason="no decision yet",
    )


def test_target_of_another_metric_is_none_of_requests_in_flight() -> None:
    assert parse_status({**STATUS, "metric": "rps"}, at=0).target_in_flight is None


@pytest.mark.integration
@pytest.mark.asyncio
async def test_watch_waits_for_a_sample_that_meets_the_condition() -> None:
    told: list[PodsSample] = []
    ready = iter([0, 1, 2, 3])

    def answer() -> web.Response:
        return web.json_response({**STATUS, "ready_pods": next(ready)})

    async with api(answer) as url, asyncio.TaskGroup() as group:
        watch = PodsWatch(url, "default/iris", told.append)
        watching = group.create_task(watch.run())
        found = await watch.until(lambda sample: sample.ready_pods == 2, within_s=PATIENCE_S)
        watching.cancel()
    assert [sample.ready_pods for sample in told] == [0, 1, 2]
    assert found == watch.samples[-1] == told[-1]


@pytest.mark.integration
@pytest.mark.asyncio
async def test_watch_outlives_an_api_that_is_away_for_a_while() -> None:
    answers = iter([web.Response(status=404), web.Response(status=503)])

    def answer() -> web.Response:
        return next(answers, None) or web.json_response(STATUS)

    async with api(answer) as url, asyncio.TaskGroup() as group:
        watch = PodsWatch(url, "default/iris", ignore)
        watching = group.create_task(watch.run())
        assert await watch.until(lambda _: True, within_s=PATIENCE_S)
        watching.cancel()
    assert len(watch.samples) == 1


@pytest.mark.integration
@pytest.mark.asyncio
async def test_watch_of_nobody_ends_in_time_without_a_sample() -> None:
    async with asyncio.TaskGroup() as group:
        watch = PodsWatch("http://127.0.0.1:1", "default/iris", ignore)
        watching = group.create_task(watch.run())
        assert await watch.until(lambda _: True, within_s=0.2) is None
        watching.cancel()
    assert watch.samples == []
