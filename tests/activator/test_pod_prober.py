"""Asking pods whether they serve."""

import asyncio

import pytest

from activator import pod_prober
from activator.core.pod_tracker import PodTracker
from activator.pod_prober import PodProber
from servingkit.core.revision import Address, PodState
from servingkit.http1.client import HttpClient
from servingkit.http1.downstream import Service
from servingkit.http1.engine import Engine
from servingkit.http1.exchange import Exchange
from tests.activator.world import HOST
from tests.fakes.cluster import pod
from tests.polling import PATIENCE_S, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


class Curious:
    """Wants to know until it knows."""

    def __init__(self) -> None:
        self.stated: dict[str, int | None] = {}
        self.given_up = False

    def wants_probe(self, pod: PodTracker) -> bool:
        return pod.name not in self.stated and not self.given_up

    def probe_passed(self, pod: PodTracker, container_concurrency: int | None) -> None:
        self.stated[pod.name] = container_concurrency


async def tracker(engine: Engine, name: str, service: Service) -> PodTracker:
    listener = await engine.listen(service, HOST, 0)
    address = Address(HOST, listener.port)
    return PodTracker(pod(name, PodState.STARTING, serving=address), 1)


def says(status: int, body: bytes, concurrency: bytes | None = None) -> Service:
    stated = () if concurrency is None else ((b"Inflight-Container-Concurrency", concurrency),)
    return lambda exchange: exchange.answer(status, stated, body)


async def test_what_a_serving_pod_states_is_learnt() -> None:
    curious = Curious()
    async with Engine() as engine, asyncio.TaskGroup() as tasks:
        prober = PodProber(HttpClient(engine), tasks)
        prober.probe(await tracker(engine, "ours", says(200, b"queue", b"7")), curious)
        prober.probe(await tracker(engine, "no limit", says(200, b"queue", b"0")), curious)
        prober.probe(await tracker(engine, "Knative's", says(200, b"queue")), curious)
        prober.probe(await tracker(engine, "odd", says(200, b"queue", b"-1")), curious)
        prober.probe(await tracker(engine, "mad", says(200, b"queue", b"9" * 5000)), curious)
        await until(lambda: len(curious.stated) == 5)
    none = dict.fromkeys(("Knative's", "odd", "mad"))
    assert curious.stated == {"ours": 7, "no limit": 0, **none}


async def test_other_answers_do_not_count_and_a_hanging_pod_delays_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pod_prober, "PROBE_TIMEOUT_S", PATIENCE_S)
    curious = Curious()
    hanging: list[Exchange] = []
    async with Engine() as engine, asyncio.TaskGroup() as tasks:
        prober = PodProber(HttpClient(engine), tasks)
        for name, service in {
            "hangs": hanging.append,
            "no sidecar": says(200, b"<html>"),
            "not ready": says(503, b""),
        }.items():
            prober.probe(await tracker(engine, name, service), curious)
        prober.probe(await tracker(engine, "serves", says(200, b"queue")), curious)
        await until(lambda: curious.stated)
        assert len(hanging) == 1
        await asyncio.sleep(0.1)  # two more rounds
        assert set(curious.stated) == {"serves"}
        curious.given_up = True  # ends the tasks, or this test would not end
        hanging[0].answer(503)


async def test_a_pod_is_asked_by_one_task_at_a_time_and_again_when_wanted_again() -> None:
    probes: list[dict[bytes, bytes]] = []

    def count(exchange: Exchange) -> None:
        probes.append(exchange.request.fields)
        exchange.answer(200, (), b"queue")

    curious = Curious()
    async with Engine() as engine, asyncio.TaskGroup() as tasks:
        prober = PodProber(HttpClient(engine), tasks)
        asked = await tracker(engine, "pod", count)
        for _ in range(5):
            prober.probe(asked, curious)
        await until(lambda: not asked.probing)
        assert len(probes) == 1
        assert probes[0][b"user-agent"] == b"Knative-Activator-Probe"
        assert probes[0][b"k-network-probe"] == b"queue"
        curious.stated.clear()
        prober.probe(asked, curious)
        await until(lambda: len(probes) == 2)
