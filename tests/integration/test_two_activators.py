"""Two activator processes under load: one is stopped, one is killed, one is stopped in its tracks.

A stop is to be seen by nobody: its clients send POSTs, which no library sends twice, and every one
has to be answered. A kill breaks connections: its clients send GETs as `curl --retry 3
--retry-all-errors` does, again on a new connection, after 1, 2 and 4 s, when theirs was refused,
closed or reset; what has not got its answer then has failed. How often that was needed is counted,
too: it is for what was under way, and for what came before the end was noticed.
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.inflight.local_process import LocalProcess, one_revision
from tests.polling import is_running, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

SLEEPER = "python -m loadtest.sleeper"
PROGRAM = "activator_program"
CLIENTS = 8
RETRY_AFTER_S = (1.0, 2.0, 4.0)


@dataclass
class Load:
    """What clients have seen."""

    answered: int = 0
    failed: int = 0
    sent_again: int = 0


async def ask(session: aiohttp.ClientSession, method: str, url: str) -> bool:
    try:
        timeout = aiohttp.ClientTimeout(total=60)
        async with session.request(method, url, timeout=timeout) as answer:
            await answer.read()
            return answer.status == 200
    except (aiohttp.ClientError, ConnectionError):
        return False


async def client(method: str, url: str, load: Load) -> None:
    async with aiohttp.ClientSession() as session:
        while True:
            answered = await ask(session, method, url)
            for pause_s in RETRY_AFTER_S if method == "GET" else ():
                if answered:
                    break
                load.sent_again += 1
                await asyncio.sleep(pause_s)
                async with aiohttp.ClientSession() as fresh:
                    answered = await ask(fresh, method, url)
            load.answered += answered
            load.failed += not answered


@asynccontextmanager
async def under_load(method: str, url: str) -> AsyncIterator[Load]:
    load = Load()
    async with asyncio.TaskGroup() as tasks:
        clients = [tasks.create_task(client(method, url, load)) for _ in range(CLIENTS)]
        try:
            yield load
        finally:
            for task in clients:
                task.cancel()


async def more_answers(load: Load, count: int) -> None:
    enough = load.answered + count
    await until(lambda: load.answered >= enough, within_s=90)


def revision_port(logs: Path) -> int:
    """Return the port that all activators have for the revision."""
    (port,) = {
        int(line["port"])
        for log in logs.glob("activator-*.log")
        for line in map(json.loads, log.read_text().splitlines())
        if line["event"] == "revision port opened"
    }
    return port


@asynccontextmanager
async def two_activators(*arguments: str) -> AsyncIterator[LocalProcess]:
    async with one_revision(
        "--activators=2", "--min-scale=2", "--container-concurrency=4", *arguments, command=SLEEPER
    ) as local:
        await local.reaches(lambda status: status["ready_pods"] == 2)
        await until(lambda: len(local.pids(PROGRAM)) == 2)
        yield local


async def test_a_stopped_activator_loses_no_request_and_is_replaced() -> None:
    async with (
        two_activators("--endpoint-lag=300ms") as local,  # clients come for so long as before
        under_load("POST", f"{local.url}/?sleep=5") as load,
    ):
        await more_answers(load, 200)
        stopped, other = local.pids(PROGRAM)
        os.kill(stopped, signal.SIGTERM)
        await until(lambda: not is_running(stopped))
        await more_answers(load, 200)
        await until(lambda: len(local.pids(PROGRAM)) == 2)
        assert other in local.pids(PROGRAM)
        await more_answers(load, 200)
        assert load.failed == 0
        (ended,) = local.named("activator ended")
        assert ended["reason"] == "exit code 0"


async def test_a_killed_activator_costs_at_most_what_it_had_under_way() -> None:
    async with two_activators() as local, under_load("GET", f"{local.url}/?sleep=5") as load:
        await more_answers(load, 500)
        os.kill(local.pids(PROGRAM)[0], signal.SIGKILL)
        await until(lambda: local.named("activator ended"))
        await until(lambda: len(local.pids(PROGRAM)) == 2)
        await more_answers(load, 500)
        assert load.sent_again <= 2 * CLIENTS
        assert load.failed <= load.answered / 1000
        (ended,) = local.named("activator ended")
        assert ended["reason"].startswith("signal 9")


async def test_activators_serve_on_while_the_other_process_stands_still(
    tmp_path: Path,
) -> None:
    async with (
        two_activators(f"--log-dir={tmp_path}") as local,
        aiohttp.ClientSession() as session,
    ):
        port = revision_port(tmp_path)
        os.kill(local.process.pid, signal.SIGSTOP)
        try:
            for host in ("127.0.0.2", "127.0.0.3"):
                assert await ask(session, "GET", f"http://{host}:{port}/?sleep=1")
        finally:
            os.kill(local.process.pid, signal.SIGCONT)
        await local.reaches(lambda status: status["ready_pods"] == 2)


async def test_metrics_of_both_are_on_the_page_of_the_api() -> None:
    async with two_activators() as local, aiohttp.ClientSession() as session:
        assert await ask(session, "GET", f"{local.url}/?sleep=1")
        async with session.get(f"{local.api}/metrics") as answer:
            families = {
                family.name: family.samples
                for family in text_string_to_metric_families(await answer.text())
            }
        told = families["kn_activator_stats_conn_reachable"]
        names = {sample.labels["activator"] for sample in told}
        assert names == {"activator-00001", "activator-00002"}
        assert [sample.value for sample in families["kn_revision_pods_count"]] == [2]


async def test_killed_inflight_local_leaves_no_activator_behind() -> None:
    async with two_activators() as local:
        activators = local.pids(PROGRAM)
        local.process.kill()
        await until(lambda: not any(map(is_running, activators)))


async def test_held_requests_of_all_activators_are_shown() -> None:
    async with (
        one_revision(
            "--activators=2", "--initial-scale=0", command=f"{SLEEPER} --startup-s 6"
        ) as local,
        asyncio.TaskGroup() as tasks,
    ):

        async def once() -> bool:
            async with aiohttp.ClientSession() as session:
                return await ask(session, "GET", f"{local.url}/?sleep=1")

        asked = [tasks.create_task(once()) for _ in range(12)]
        await local.reaches(lambda status: status["held_requests"] == 12)
        assert all([await task for task in asked])
