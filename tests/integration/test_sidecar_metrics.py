"""What the sidecar tells of itself and of its model: metrics and the request log."""

import asyncio
import json
import os
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.programs import RunningSidecar, sidecar
from tests.polling import until
from tests.servingkit.http1.peers import Wire, connect, upstream

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

OWN = b"# TYPE tokens counter\ntokens_total 7\ninflight_requests_total 666\n"
FLOWER = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\na flower"


@asynccontextmanager
async def before(
    page: bytes, output: int | None = None, **environ: str
) -> AsyncIterator[RunningSidecar]:
    """Run a sidecar before a model that serves `page` under /own and flowers elsewhere."""

    async def model(wire: Wire) -> None:
        while True:
            asked = await wire.request()
            if asked.target == b"/hang":
                await wire.rest()
            elif asked.target == b"/own":
                await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(page) + page)
            else:
                await wire.send(FLOWER)

    async with upstream(model) as found:
        settings = {"INFLIGHT_MODEL_METRICS": "/own"} | environ
        port = found.address.port
        with sidecar(port, container_concurrency=2, output=output, **settings) as proxy:
            yield proxy


async def scrape(proxy: RunningSidecar) -> dict[str, float]:
    """Return the samples of the page, which must be one that Prometheus takes."""

    def get() -> str:
        return requests.get(f"http://127.0.0.1:{proxy.metrics_port}/metrics", timeout=60).text

    families = list(text_string_to_metric_families(await asyncio.to_thread(get)))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    return {
        sample.name + ",".join(sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


async def test_one_scrape_has_both_halves() -> None:
    async with before(OWN) as proxy:
        samples = await scrape(proxy)
        assert samples["tokens_total"] == 7
        assert samples["inflight_scrape_upsidecar"] == samples["inflight_scrape_upmodel"] == 1
        assert samples["inflight_container_concurrency"] == 2
        assert "inflight_requests_total" not in samples  # the model's is left out, ours has none


@pytest.mark.parametrize(
    ("page", "environ"),
    [
        pytest.param(b"<html>", {}, id="no metrics"),
        pytest.param(b"\xff\xfe 1\n", {}, id="no text"),
        pytest.param(b"a 1\n" * 1_100_000, {}, id="too long"),
        pytest.param(b"", {"INFLIGHT_MODEL_METRICS": "/hang"}, id="no answer"),
        pytest.param(b"", {"INFLIGHT_MODEL_METRICS": "1/metrics"}, id="nobody there"),
    ],
)
async def test_half_that_cannot_be_had_is_down_and_the_other_is_whole(
    page: bytes, environ: dict[str, str]
) -> None:
    async with before(page, None, **environ) as proxy:
        samples = await scrape(proxy)
        assert samples["inflight_scrape_upmodel"] == 0
        assert samples["inflight_scrape_upsidecar"] == 1
        assert samples["inflight_container_concurrency"] == 2


async def test_bytes_first_bytes_and_connections_are_counted() -> None:
    async with before(OWN, INFLIGHT_MODEL_METRICS="") as proxy:
        client = await connect(proxy.serving_port)
        for _ in range(3):
            await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nseeds")
            assert (await client.answer()).body == b"a flower"
        samples = await scrape(proxy)
        assert samples["inflight_request_bytes_total"] == 15
        assert samples["inflight_answer_bytes_total"] == 24
        assert samples["inflight_first_byte_seconds_count"] == 3
        assert samples["inflight_queue_wait_seconds_count"] == 3
        assert samples["inflight_request_duration_seconds_count"] == 3
        assert samples["inflight_requests_total200"] == 3
        assert samples["inflight_upstream_connectionsidle"] == 1
        assert samples["inflight_upstream_connectionsactive"] == 0
        hanging = await connect(proxy.serving_port)
        await hanging.send(b"GET /hang HTTP/1.1\r\nHost: a\r\n\r\n")
        await until(lambda: connections(proxy, "active") == 1)
        hanging.close()
        client.close()


def connections(proxy: RunningSidecar, state: str) -> float:
    """Return how many connections to the model are in this state."""
    return proxy.metric(f'inflight_upstream_connections{{state="{state}"}}')


REQUEST = (
    b'POST /v1/models/iris:predict?a="b" HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n'
    b"User-Agent: curl/8\r\nReferer: http://b/\r\n"
    b"Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\nseeds"
)


async def test_request_log_has_knatives_fields() -> None:
    with tempfile.TemporaryFile() as log:
        async with before(
            OWN, output=log.fileno(), INFLIGHT_REQUEST_LOG="true", SERVING_POD_IP="10.0.0.7"
        ) as proxy:
            client = await connect(proxy.serving_port)
            await client.send(REQUEST)
            await client.answer()
            await client.send(b"GET /%FF HTTP/1.1\r\nHost: a\r\nX-B3-Traceid: 80f1\r\n\r\n")
            await client.answer()
            await until(lambda: os.fstat(log.fileno()).st_size)
            client.close()
            proxy.terminate()
            assert await asyncio.to_thread(proxy.process.wait, 60) == 0
        log.seek(0)
        first, second = (json.loads(line) for line in log)
    assert float(first["httpRequest"].pop("latency").removesuffix("s")) > 0
    assert first == {
        "httpRequest": {
            "requestMethod": "POST",
            "requestUrl": '/v1/models/iris:predict?a="b"',
            "requestSize": "5",
            "status": 200,
            "responseSize": "8",
            "userAgent": "curl/8",
            "remoteIp": "127.0.0.1",
            "serverIp": "10.0.0.7",
            "referer": "http://b/",
            "protocol": "HTTP/1.1",
        },
        "traceId": "0af7651916cd43dd8448eb211c80319c",
    }
    assert second["traceId"] == "80f1"


async def test_log_that_nobody_reads_holds_no_request_up() -> None:
    unread, written = socket.socketpair()
    with unread, written:
        async with before(OWN, output=written.fileno(), INFLIGHT_REQUEST_LOG="true") as proxy:
            client = await connect(proxy.serving_port)
            long = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % (b"x" * 4000)
            for _ in range(30):  # far more bytes than the socket takes
                await client.send(long * 10)
                for _ in range(10):
                    assert (await client.answer()).status == 200
            client.close()
            proxy.terminate()
            assert await asyncio.to_thread(proxy.process.wait, 60) == 0


async def test_nothing_is_logged_unless_asked_for() -> None:
    with tempfile.TemporaryFile() as log:
        async with before(OWN, output=log.fileno()) as proxy:
            client = await connect(proxy.serving_port)
            await client.send(REQUEST)
            await client.answer()
            client.close()
            proxy.terminate()
            assert await asyncio.to_thread(proxy.process.wait, 60) == 0
        assert os.fstat(log.fileno()).st_size == 0


async def test_probes_are_logged_when_asked_for_and_are_no_requests_all_the_same() -> None:
    settings = {
        "INFLIGHT_REQUEST_LOG": "true",
        "SERVING_ENABLE_PROBE_REQUEST_LOG": "true",
        "SERVING_REQUEST_LOG_TEMPLATE": "{{.Request.UserAgent}} {{.Response.Code}}",
    }
    with tempfile.TemporaryFile() as log:
        async with before(OWN, output=log.fileno(), **settings) as proxy:
            probe = await asyncio.to_thread(proxy.probe)
            assert probe.status_code == 200
            assert proxy.metric('inflight_requests_total{code="200"}') == 0
            proxy.terminate()
            assert await asyncio.to_thread(proxy.process.wait, 60) == 0
        log.seek(0)
        assert log.read() == b"kube-probe/1.31 200\n"
