"""Routes of `inflight local`: a gateway before real pods, and a file that changes under load."""

import asyncio
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from tests.inflight.local_process import LocalProcess, inflight_local
from tests.polling import until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

REVISIONS = """
gatewayPort: 0
revisions:
- {name: one, port: 0, command: [python, -m, loadtest.sleeper], scaling: {min-scale: 1}}
- {name: two, port: 0, command: [python, -m, loadtest.sleeper], scaling: {initial-scale: 0}}
"""


def file_with(one: int, two: int, more: str = "") -> str:
    return f"""{REVISIONS}
routes:
- name: model
  hosts: [model.example.com]
  traffic:
  - {{revision: one, percent: {one}}}
  - {{revision: two, percent: {two}, tag: canary}}
  {more}
"""


async def pid_of_model(
    session: aiohttp.ClientSession, local: LocalProcess, **headers: str
) -> int | None:
    """Ask through the gateway; None: it was not answered with 200."""
    gateway = str(local.events[0]["gateway"])
    sent = {"Host": "model.example.com", **headers}
    async with session.post(f"{gateway}/?sleep=1", headers=sent) as answer:
        if answer.status != 200:
            return None
        return int((await answer.json())["pid"])


@pytest.mark.parametrize("activators", [1, 2])
async def test_routes_follow_the_file_and_no_request_is_lost(
    tmp_path: Path, activators: int
) -> None:
    path = tmp_path / "revisions.yaml"
    path.write_text(file_with(100, 0))
    async with (
        inflight_local(f"--activators={activators}", str(path)) as local,
        aiohttp.ClientSession() as session,
    ):
        first = await pid_of_model(session, local)
        assert first is not None
        canary = await pid_of_model(session, local, **{"Inflight-Tag": "canary"})  # held at zero
        assert canary not in {first, None}
        seen: Counter[int | None] = Counter()

        async def ask_for_ever() -> None:
            async with aiohttp.ClientSession() as own:
                while True:
                    seen[await pid_of_model(own, local)] += 1

        async with asyncio.TaskGroup() as tasks:
            clients = [tasks.create_task(ask_for_ever()) for _ in range(4)]
            await until(lambda: seen[first] >= 50)
            assert not seen[canary]
            path.write_text(file_with(0, 100))
            await until(lambda: seen[canary] >= 50)
            assert len(local.named("routes changed")) == 1
            path.write_text(file_with(50, 60))
            await until(lambda: local.named("routes refused"))
            enough = seen[canary] + 50
            await until(lambda: seen[canary] >= enough)  # the last good ones
            for client in clients:
                client.cancel()
        assert not seen[None]
        (refused,) = local.named("routes refused")
        (line,) = refused["last_lines"]
        assert line.startswith("routes[0].traffic: ")
        assert line.endswith("expected percents that sum up to 100")


async def test_a_mirror_wakes_its_revision_and_clients_see_the_original_only(
    tmp_path: Path,
) -> None:
    path = tmp_path / "revisions.yaml"
    path.write_text(file_with(100, 0, "mirror: {revision: two, percent: 100}"))
    async with inflight_local(str(path)) as local, aiohttp.ClientSession() as session:
        pids = {await pid_of_model(session, local) for _ in range(5)}
        assert len(pids) == 1
        assert None not in pids
        await until(
            lambda: [e for e in local.named("pod ready") if e["revision"] == "two"], within_s=60
        )


async def test_routes_without_a_gateway_are_refused_while_running(tmp_path: Path) -> None:
    path = tmp_path / "revisions.yaml"
    revisions = REVISIONS.replace("gatewayPort: 0", "")
    path.write_text(revisions)
    async with inflight_local(str(path)) as local:
        assert "gateway" not in local.events[0]
        path.write_text(file_with(100, 0).replace("gatewayPort: 0", ""))
        await until(lambda: local.named("routes refused"))
