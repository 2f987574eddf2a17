"""The page of all programs, before stand-ins for their pages."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from prometheus_client.parser import text_string_to_metric_families

from inflight.local.activator_place import ActivatorPlace
from inflight.local.joined_metrics import JoinedMetrics
from servingkit.http1.client import HttpClient
from servingkit.http1.engine import Engine
from tests.fakes.web_server import web_server
from tests.ports import free_port

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

AUTOSCALER = """\
# HELP inflight_autoscaler_revisions Being scaled
# TYPE inflight_autoscaler_revisions gauge
inflight_autoscaler_revisions 1.0
# HELP requests_total Requests
# TYPE requests_total counter
requests_total 2.0
"""
ACTIVATOR = """\
# HELP requests_total Requests
# TYPE requests_total counter
requests_total{revision="a\\"b"} %d
# HELP wait_seconds Waits
# TYPE wait_seconds histogram
wait_seconds_bucket{le="1.0"} 2.0
wait_seconds_bucket{le="+Inf"} 3.0
wait_seconds_count 3.0
wait_seconds_sum 4.5
"""


class _Sample(NamedTuple):
    name: str
    activator: str | None
    value: float


@asynccontextmanager
async def page(text: str) -> AsyncIterator[int]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text)

    application = web.Application()
    application.router.add_get("/metrics", answer)
    async with web_server(application) as address:
        yield address.port


async def scrape(metrics: JoinedMetrics) -> str:
    text = (await metrics.serve(make_mocked_request("GET", "/metrics"))).text
    assert text is not None
    return text


def samples(text: str) -> list[_Sample]:
    return [
        _Sample(sample.name, sample.labels.get("activator"), sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


async def test_activators_are_told_apart_and_each_family_is_there_once() -> None:
    async with Engine() as engine, AsyncExitStack() as pages:
        autoscaler = await pages.enter_async_context(page(AUTOSCALER))
        metrics = JoinedMetrics(HttpClient(engine), lambda: autoscaler)
        for name, requests in (("a-1", 5), ("a-2", 7)):
            port = await pages.enter_async_context(page(ACTIVATOR % requests))
            metrics.activators += (ActivatorPlace(name, "127.0.0.1", 0, port),)
        text = await scrape(metrics)
    assert text.count("# TYPE requests_total counter") == 1
    assert text.count("# TYPE wait_seconds histogram") == 1
    assert 'revision="a\\"b"' in text
    told = samples(text)
    assert _Sample("inflight_autoscaler_revisions", None, 1) in told
    assert _Sample("requests_total", None, 2) in told
    assert _Sample("requests_total", "a-1", 5) in told
    assert _Sample("requests_total", "a-2", 7) in told
    assert _Sample("wait_seconds_sum", "a-2", 4.5) in told


async def test_an_activator_that_is_gone_is_left_out() -> None:
    async with Engine() as engine, page(AUTOSCALER) as autoscaler:
        metrics = JoinedMetrics(HttpClient(engine), lambda: autoscaler)
        metrics.activators = (ActivatorPlace("a-1", "127.0.0.1", 0, free_port()),)
        assert await scrape(metrics) == AUTOSCALER
