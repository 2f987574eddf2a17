"""The whole loop with real processes: `inflight local`, sidecars, sample models."""

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from tests.inflight.local_process import descendants, inflight_local, one_revision
from tests.polling import is_running, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

SLEEPER = "python -m loadtest.sleeper"
QUICK_TO_ZERO = ("--window", "6s", "--scale-to-zero-grace-period", "1s")


async def get(session: aiohttp.ClientSession, url: str) -> tuple[int, dict[str, int]]:
    async with session.get(url) as response:
        if response.content_type == "application/json":
            return response.status, await response.json()
        return response.status, {}


async def test_fifty_requests_at_zero_pods_are_held_and_answered_within_the_limit() -> None:
    async with one_revision(
        "--initial-scale=0", "--container-concurrency=5", "--target=5", "--max-scale=3",
        *QUICK_TO_ZERO, command=f"{SLEEPER} --startup-s 3",
    ) as local, aiohttp.ClientSession() as session:  # fmt: skip
        await local.reaches(lambda status: status["desired_pods"] == 0)
        answers = await asyncio.gather(
            *(get(session, f"{local.url}/?sleep=100") for _ in range(50))
        )
        assert Counter(status for status, _ in answers) == {200: 50}
        peaks: dict[int, int] = {}
        for _, counts in answers:
            peaks[counts["pid"]] = max(peaks.get(counts["pid"], 0), counts["peak_concurrency"])
        assert max(peaks.values()) <= 5
        await local.reaches(
            lambda status: status["ready_pods"] == status["desired_pods"] == 0, within_s=30
        )
        await until(lambda: not local.pids("queueproxy") and not local.pids("sleeper"))
        assert not local.named("pod failed")


@pytest.mark.slow
async def test_the_last_pod_waits_for_a_public_address_that_lags_behind() -> None:
    async with one_revision(
        "--target-burst-capacity=0", "--endpoint-lag=5s", *QUICK_TO_ZERO, command=SLEEPER
    ) as local:
        await local.reaches(lambda status: status["ready_pods"] == 1)
        # When it is to go, and traffic has moved for the grace period, clients still go to it.
        await local.reaches(lambda status: status["desired_pods"] == 0)
        *_, moved = local.named("endpoints switched")
        *_, asked = local.named("scale set")
        assert (moved["mode"], asked["replicas"]) == ("proxy", 0)
        assert asked["at_s"] - moved["at_s"] >= 5


async def test_killed_sidecar_and_model_are_replaced_and_no_request_hangs() -> None:
    async with (
        one_revision("--min-scale=2", "--container-concurrency=5", command=SLEEPER) as local,
        aiohttp.ClientSession() as session,
    ):
        await local.reaches(lambda status: status["ready_pods"] == 2)

        async def load(method: str) -> Counter[tuple[int, str]]:
            """GETs may be sent again when a pod dies, POSTs that reached it may not."""
            seen: Counter[tuple[int, str]] = Counter()
            for _ in range(20):
                async with session.request(method, f"{local.url}/?sleep=100") as response:
                    await response.read()
                    seen[response.status, response.headers.get("Inflight-Reason", "")] += 1
            return seen

        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            loads = [tasks.create_task(load(method)) for method in ("GET", "POST") * 3]
            await asyncio.sleep(0.5)
            os.kill(local.pids("queueproxy")[0], signal.SIGKILL)
            await asyncio.sleep(0.7)
            os.kill(local.pids("sleeper")[-1], signal.SIGKILL)
        total = sum((task.result() for task in loads), Counter())
        assert set(total) <= {(200, ""), (502, "upstream-error")}
        assert total[502, "upstream-error"] <= 12  # what was under way in the two processes
        await until(lambda: len(local.named("pod failed")) == 2)
        await local.reaches(lambda status: status["ready_pods"] == 2)
        await local.reaches(lambda status: status["concurrency"] == 0)
        assert {event["container"] for event in local.named("pod failed")} == {"model", "sidecar"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signal_ends_all_in_order_with_exit_code_0(number: int) -> None:
    async with one_revision(command=SLEEPER) as local:
        await local.reaches(lambda status: status["ready_pods"] == 1)
        everything = descendants(local.process.pid)
        assert len(everything) >= 3  # guard, model, sidecar
        assert await local.stop(number) == 0
        assert not [pid for pid in everything if is_running(pid)]
        assert not local.named("pod killed")


async def test_second_signal_ends_all_at_once() -> None:
    stubborn = "sh -c \"trap '' TERM; while :; do sleep 0.1; done\""
    async with one_revision(command=stubborn) as local:
        await until(lambda: local.pids("trap"))
        everything = descendants(local.process.pid)
        local.process.send_signal(signal.SIGINT)
        await until(lambda: local.named("pod terminating"))
        assert await local.stop() == 130
        await until(lambda: not [pid for pid in everything if is_running(pid)])


async def test_killed_inflight_local_leaves_no_process_behind() -> None:
    async with one_revision("--min-scale=2", command=SLEEPER) as local:
        await local.reaches(lambda status: status["ready_pods"] == 2)
        everything = descendants(local.process.pid)
        assert len(everything) >= 5
        local.process.kill()
        await until(lambda: not [pid for pid in everything if is_running(pid)])


async def test_first_line_tells_the_addresses_and_the_api_answers() -> None:
    async with (
        one_revision("--namespace=models", command=SLEEPER) as local,
        aiohttp.ClientSession() as session,
    ):
        started = local.events[0]
        assert started["event"] == "started"
        assert started["revisions"] == [{"namespace": "models", "name": "model", "url": local.url}]
        await local.reaches(lambda status: status["ready_pods"] == 1)
        async with session.get(f"{local.api}/v1/revisions/models/model") as response:
            assert (await response.json())["ready_pods"] == 1
        assert (await get(session, f"{local.url}/?sleep=1"))[0] == 200


async def test_serve_mode_sends_traffic_straight_to_pods() -> None:
    async with (
        one_revision("--target-burst-capacity=0", "--min-scale=1", command=SLEEPER) as local,
        aiohttp.ClientSession() as session,
    ):
        await local.reaches(lambda status: status["mode"] == "serve")
        assert local.named("endpoints switched")
        async with session.get(f"{local.api}/metrics") as page:
            metrics = await page.text()
        assert 'kn_revision_pods_count{k8s_namespace_name="default"' in metrics
        assert 'activator="activator-local"' in metrics
        assert (await get(session, f"{local.url}/?sleep=1"))[0] == 200


async def test_revisions_of_a_file_scale_apart(tmp_path: Path) -> None:
    path = tmp_path / "revisions.yaml"
    path.write_text(
        """
        revisions:
        - {name: one, port: 0, command: [python, -m, loadtest.sleeper], scaling: {min-scale: 1}}
        - {name: two, port: 0, command: [python, -m, loadtest.sleeper],
           scaling: {initial-scale: 0}}
        """
    )
    async with inflight_local(str(path)) as local, aiohttp.ClientSession() as session:
        one, two = (revision["url"] for revision in local.events[0]["revisions"])
        first = await get(session, f"{one}/?sleep=1")
        assert {event["revision"] for event in local.named("pod started")} == {"one"}
        second = await get(session, f"{two}/?sleep=1")
        assert [first[0], second[0]] == [200, 200]
        assert first[1]["pid"] != second[1]["pid"]
        # The activator may find a pod ready before the cluster does, so the events may come later.
        await until(
            lambda: {event["revision"] for event in local.named("pod ready")} == {"one", "two"}
        )
