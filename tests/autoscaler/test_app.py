"""The whole autoscaler on loopback ports: an activator's websocket, pods' stats, the API."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse
from prometheus_client.parser import text_string_to_metric_families

from autoscaler.app import Autoscaler, Cluster
from autoscaler.config import Config
from autoscaler.core.defaults import Defaults
from autoscaler.defaults_source import DefaultsSource
from autoscaler.multiscaler import Multiscaler
from servingkit.config import ConfigError
from servingkit.core.revision import Mode, RevisionId
from servingkit.core.stat import Stat
from servingkit.stat_wire import WireStat, encode_wire_stats
from tests.autoscaler.tracked import IRIS, revision
from tests.fakes.cluster import FakeCluster, pod
from tests.fakes.public_address import activator_of, listening
from tests.fakes.stat_server import stat_server
from tests.polling import until

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


def config(**defaults: Any) -> Config:  # noqa: ANN401 -- any field of Defaults
    allowed = Defaults(allow_zero_initial_scale=True, initial_scale=0, **defaults)
    return Config(
        listen_host="127.0.0.1", stat_port=0, api_port=0, metrics_port=0, defaults=allowed
    )


class Running:
    """An autoscaler that runs, and what its activator reports each second."""

    def __init__(self, autoscaler: Autoscaler, session: ClientSession) -> None:
        self._autoscaler = autoscaler
        self._session = session
        self.concurrency: float | None = None
        """What the activator reports of the revision; None: nothing."""

    def frame(self) -> bytes:
        if self.concurrency is None:
            return encode_wire_stats([])
        stat = Stat(pod_name="a", average_concurrent_requests=self.concurrency, request_count=1)
        return encode_wire_stats([WireStat(IRIS, stat)])

    async def get(self, path: str) -> Any:  # noqa: ANN401 -- JSON
        url = f"http://127.0.0.1:{self._autoscaler.api_port}{path}"
        async with self._session.get(url) as answer:
            return await answer.json() if answer.status == 200 else answer.status

    def events(self) -> Any:  # noqa: ANN401 -- aiohttp does not name this type
        url = f"http://127.0.0.1:{self._autoscaler.api_port}/v1/events?statuses=true"
        return self._session.get(url)

    def page(self) -> Any:  # noqa: ANN401
        return self._session.get(f"http://127.0.0.1:{self._autoscaler.api_port}/")

    async def metrics(self) -> str:
        url = f"http://127.0.0.1:{self._autoscaler.metrics_port}/metrics"
        async with self._session.get(url) as answer:
            return await answer.text()

    def connect(self) -> Any:  # noqa: ANN401 -- aiohttp does not name this type
        return self._session.ws_connect(
            f"http://127.0.0.1:{self._autoscaler.stat_port}/?activator=a"
        )


@asynccontextmanager
async def running(cluster: FakeCluster, config: Config) -> AsyncIterator[Running]:
    seams = Cluster(
        revisions=cluster,
        pods=cluster,
        scale=cluster,
        public_endpoints=cluster,
        activators=cluster,
        states=cluster,
    )
    cluster.put_activators("a")
    autoscaler, started = Autoscaler(config, seams), asyncio.Event()
    async with ClientSession() as session, asyncio.TaskGroup() as group:
        task = group.create_task(autoscaler.run(started))
        await started.wait()
        yield Running(autoscaler, session)
        task.cancel()


async def report_each_second(it: Running, socket: ClientWebSocketResponse) -> None:
    while True:
        await socket.send_bytes(it.frame())
        await asyncio.sleep(1)


@asynccontextmanager
async def activator(it: Running) -> AsyncIterator[ClientWebSocketResponse]:
    """An activator that reports each second."""
    async with it.connect() as socket, asyncio.TaskGroup() as group:
        task = group.create_task(report_each_second(it, socket))
        yield socket
        task.cancel()


async def test_the_first_request_brings_a_pod_without_waiting_for_a_tick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def no_turns(_: Multiscaler) -> None:
        """Stand in for what gives each revision its turns."""

    monkeypatch.setattr(Multiscaler, "_give_turns", no_turns)
    cluster = FakeCluster()
    cluster.put_revision(revision())
    async with running(cluster, config()) as it, activator(it) as socket:
        await until(lambda: cluster.mode_writes == [(IRIS, Mode.PROXY)])
        assert cluster.scale_writes == []
        it.concurrency = 1
        await socket.send_bytes(it.frame())
        await until(lambda: cluster.scale_writes)
        assert cluster.written_pods() == [1]


@pytest.mark.slow
async def test_load_brings_more_pods_and_silence_takes_none() -> None:
    cluster = FakeCluster()
    cluster.put_revision(revision({"window": "6s"}))
    async with (
        stat_server("pod-1") as one,
        stat_server("pod-2") as two,
        listening(activator_of(IRIS)) as cluster.public_addresses[IRIS],
        running(cluster, config(scale_to_zero_grace_period_s=0.1)) as it,
    ):
        it.concurrency = 1
        async with activator(it):
            await until(lambda: cluster.written_pods() == [1])
            cluster.put_pods(IRIS, pod("pod-1", stats=one.address))
            it.concurrency = 13
            await until(lambda: cluster.written_pods()[-1] == 2)
            cluster.put_pods(IRIS, pod("pod-1", stats=one.address), pod("pod-2", stats=two.address))
            status = await it.get("/v1/revisions/default/iris")
            assert status["mode"] == "proxy"
            assert status["ready_pods"] == 2
        # The activator is gone, the panic and both windows pass: nothing is known, nothing shrinks.
        await asyncio.sleep(12)
        assert cluster.written_pods()[-1] == 2
        status = await it.get("/v1/revisions/default/iris")
        assert "no-data (no report from a)" in status["reason"]
        # It comes back idle: the hole leaves the window, then the pods may go.
        it.concurrency = None
        async with activator(it):
            await until(lambda: cluster.written_pods()[-1] == 0)


async def test_pods_report_load_that_came_past_the_activator() -> None:
    cluster = FakeCluster()
    cluster.put_revision(revision(), replicas=1)
    async with stat_server("pod-1", concurrency=30, requests=5) as one:
        cluster.put_pods(IRIS, pod("pod-1", stats=one.address))
        async with running(cluster, config()) as it, activator(it):
            await until(lambda: cluster.written_pods() == [5])
            await settle(it, lambda status: status["concurrency"] == 30)


async def settle(it: Running, good: Callable[[dict[str, Any]], bool]) -> None:
    """Return once the status of the revision is good."""
    async with asyncio.timeout(60):
        while True:
            status = await it.get("/v1/revisions/default/iris")
            if isinstance(status, dict) and good(status):
                return
            await asyncio.sleep(0.05)


async def test_the_api_and_prometheus_show_every_revision() -> None:
    cluster = FakeCluster()
    cluster.put_revision(revision({"min-scale": "2"}))
    async with running(cluster, config()) as it, activator(it):
        await settle(it, lambda status: status["desired_pods"] == 2)
        listed = await it.get("/v1/revisions")
        assert [one["name"] for one in listed["revisions"]] == ["iris"]
        assert await it.get("/v1/revisions/default/rose") == 404
        assert "kn_revision_pods_desired" in await it.metrics()
        await settle(it, lambda status: status["concurrency"] == 0)


async def test_a_port_in_use_is_an_error_before_anything_is_scaled() -> None:
    cluster = FakeCluster()
    cluster.put_revision(revision({"min-scale": "1"}))
    async with running(cluster, config()) as it:
        taken = it._autoscaler.api_port
        seams = it._autoscaler._cluster
        other = Config(listen_host="127.0.0.1", stat_port=0, api_port=taken, metrics_port=0)
        with pytest.raises(ConfigError, match=f"API_PORT: '{taken}'; expected a port that is free"):
            await Autoscaler(other, seams).run()


async def test_statuses_are_readable_in_process() -> None:
    cluster = FakeCluster()
    cluster.put_revision(revision({"min-scale": "1"}))
    async with running(cluster, config()) as it:
        await until(lambda: cluster.scale_writes)
        status = it._autoscaler.status(IRIS)
        assert status is not None
        assert status.desired_pods == 1
        assert it._autoscaler.status(RevisionId("default", "rose")) is None


async def test_the_api_shows_decisions_events_and_a_page() -> None:
    cluster = FakeCluster()
    cluster.put_revision(revision({"min-scale": "2"}))
    async with running(cluster, config()) as it, activator(it), it.events() as stream:
        await settle(it, lambda status: status["desired_pods"] == 2)
        shown = await it.get("/v1/revisions/default/iris")
        assert len(shown["windows"]["concurrency"]) == 60
        assert shown["decisions"][-1]["desired_pods"] == 2
        assert shown["decisions"][-1]["reason"] == shown["reason"]
        async with asyncio.timeout(60):
            while b"statuses" not in await stream.content.readline():
                pass
            assert b'"name":"iris"' in await stream.content.readline()
        # The stream is open while the autoscaler ends, and does not keep it from that.


async def test_the_dashboard_is_served_at_the_root() -> None:
    async with running(FakeCluster(), config()) as it, it.page() as answer:
        assert answer.content_type == "text/html"
        assert "script-src 'sha256-" in answer.headers["Content-Security-Policy"]


async def test_the_metrics_page_has_every_revision_and_the_process_itself() -> None:
    cluster = FakeCluster()
    for number in range(120):  # more than one turn's worth
        made = revision({"min-scale": "1"})
        cluster.put_revision(replace(made, id=RevisionId("default", f"rose-{number}")))
    async with running(cluster, config()) as it, activator(it):
        async with asyncio.timeout(60):
            while (page := await it.metrics()).count("kn_revision_pods_count{") < 120:  # noqa: ASYNC110 -- over HTTP
                await asyncio.sleep(0.05)
        families = {family.name for family in text_string_to_metric_families(page)}
        assert "inflight_autoscaler_revisions 120.0" in page
        assert "inflight_autoscaler_leads 1.0" in page
        assert 'inflight_autoscaler_report_age_seconds{activator="a"}' in page
        assert {
            "kn_autoscaler_scrape_duration_seconds",
            "kn_autoscaler_scrape_failures",
            "inflight_autoscaler_tick_lag_seconds",
            "inflight_autoscaler_pokes",
            "inflight_autoscaler_failed_ticks",
            "inflight_autoscaler_stats_received",
            "inflight_autoscaler_bad_frames",
            "inflight_autoscaler_event_readers",
        } <= families
        cluster.remove_revision(RevisionId("default", "rose-7"))
        async with asyncio.timeout(60):
            while 'kn_revision_name="rose-7"' in await it.metrics():  # noqa: ASYNC110 -- over HTTP
                await asyncio.sleep(0.05)


async def test_a_file_of_defaults_is_followed_and_a_bad_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "autoscaler.yaml"
    path.write_text("initial-scale: 0\nallow-zero-initial-scale: true\n")
    source = DefaultsSource(key="CONFIG_PATH", path=path)
    cluster = FakeCluster()
    cluster.put_revision(revision())
    followed = replace(config(), defaults=source.read(), defaults_source=source)
    async with running(cluster, followed) as it, activator(it):
        assert await it.get("/v1/config") == {"valid": True, "path": str(path), "problems": []}
        path.write_text("min-scale: 2\n")
        await until(lambda: cluster.written_pods() == [2])
        path.write_text("min-scale: two\n")
        async with asyncio.timeout(60):
            while (await it.get("/v1/config"))["valid"]:  # noqa: ASYNC110 -- over HTTP
                await asyncio.sleep(0.05)
        assert (await it.get("/v1/config"))["problems"] == [
            {
                "key": f"{path}: min-scale",
                "value": "two",
                "expected": "a whole number of at least 0",
            }
        ]
        assert "inflight_autoscaler_config_valid 0.0" in await it.metrics()
    assert cluster.written_pods() == [2]
    assert cluster.states[IRIS].desired_pods == 2


async def test_another_process_goes_on_with_what_was_saved() -> None:
    cluster = FakeCluster()
    cluster.put_revision(revision({"initial-scale": "3"}))
    async with running(cluster, config()) as it, activator(it):
        await until(lambda: cluster.written_pods() == [3])
        cluster.put_pods(IRIS, *map(pod, ("pod-1", "pod-2", "pod-3")))
        await until(lambda: cluster.states[IRIS].initialised)
    cluster.put_pods(IRIS)
    cluster.replicas[IRIS] = 0
    cluster.states[IRIS] = replace(cluster.states[IRIS], inactive_since_s=1.0, desired_pods=0)
    async with running(cluster, config()) as it, activator(it):
        await settle(it, lambda status: status["phase"] == "inactive")
    # The initial scale is not asked for again.
    assert cluster.written_pods() == [3]
