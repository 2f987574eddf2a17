"""Activator processes: their start, what they are shown and tell, their replacement, their end."""

import asyncio
import os
import signal
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from activator.core.drain import DrainTimes
from inflight.local.activator_link import ClusterView, RevisionView
from inflight.local.activator_place import ActivatorPlace, activator_hosts
from inflight.local.activator_process import ActivatorSettings
from inflight.local.activator_set import ActivatorFailedError, ActivatorSet
from inflight.local.event import Event
from inflight.local.guard_link import GuardLink
from inflight.local.node import Node
from inflight.local.ports import pod_ports
from servingkit.core.revision import Address, Pod, PodState, Revision, RevisionId
from servingkit.http1.client import HttpClient
from servingkit.http1.engine import Engine
from tests.fakes.cluster import pod
from tests.inflight.local_process import command_line, descendants
from tests.polling import is_running, until
from tests.ports import free_port

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

IRIS = RevisionId("default", "iris")
AT_ONCE = DrainTimes(hold_s=0.0, grace_s=0.1, quiet_s=0.0)


@dataclass
class Watched:
    """Running activators, and all that was reported of them."""

    activators: ActivatorSet
    client: HttpClient
    port: int
    pods: list[Pod]
    events: list[Event]
    ready: list[tuple[ActivatorPlace, ...]] = field(default_factory=list)

    def pids(self) -> list[int]:
        program = b"activator_program"
        return [pid for pid in descendants(os.getpid()) if program in command_line(pid)]

    async def ask(self, host: str) -> int:
        answer = await self.client.fetch(Address(host, self.port), b"GET", b"/", timeout_s=60)
        return answer.status


@asynccontextmanager
async def running(
    folder: Path, activators: int, url: str = "ws://127.0.0.1:1", stop: DrainTimes = AT_ONCE
) -> AsyncIterator[Watched]:
    events: list[Event] = []
    pods: list[Pod] = []
    revision = Revision(id=IRIS, uid="1", activator_port=free_port())
    settings = ActivatorSettings(
        autoscaler_url=url, grace_period_s=60.0, refuse_before_end_s=1.0, drain_quiet_s=0.0
    )

    def view(version: int) -> ClusterView:
        return ClusterView(version, (RevisionView(revision, tuple(pods)),), ())

    with closing(GuardLink()) as guard:
        async with Engine() as engine, asyncio.TaskGroup() as tasks:
            client = HttpClient(engine)
            node = Node(
                client=client,
                guard=guard,
                ports=pod_ports(),
                environment=os.environ,
                log_directory=folder,
                drain_quiet_s=0.0,
                report=events.append,
            )
            ready: list[tuple[ActivatorPlace, ...]] = []
            kept = ActivatorSet(activator_hosts(activators), settings, node, view, ready.append)
            started = asyncio.Event()
            keeping = tasks.create_task(kept.run(started))
            await started.wait()
            yield Watched(kept, client, revision.activator_port, pods, events, ready)
            kept.stop(stop)
            async with asyncio.timeout(60):
                await asyncio.wait([keeping])


async def test_all_are_ready_before_it_says_so_and_listen_on_the_revisions_port(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, 2) as watched:
        hosts = [place.host for place in watched.ready[-1]]
        assert hosts == ["127.0.0.2", "127.0.0.3"]
        assert all(place.port for place in watched.ready[-1])
        assert len({place.name for place in watched.ready[-1]}) == 2
        probe = ((b"K-Network-Probe", b"activator"),)
        for host in hosts:
            address = Address(host, watched.port)
            answer = await watched.client.fetch(address, b"GET", b"/", probe, timeout_s=60)
            assert answer.body == b"activator"
    assert not watched.ready[-1]
    assert not watched.pids()


async def test_one_is_behind_until_it_has_seen_the_last_change_and_tells_what_it_holds(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, 2) as watched, asyncio.TaskGroup() as tasks:
        await until(lambda: not watched.activators.any_behind())
        (first, _) = watched.pids()
        os.kill(first, signal.SIGSTOP)
        watched.pods.append(pod("iris-1", PodState.TERMINATING))
        watched.activators.cluster_changed()
        await asyncio.sleep(0.3)
        assert watched.activators.any_behind()  # however long it takes
        os.kill(first, signal.SIGCONT)
        await until(lambda: not watched.activators.any_behind())
        asked = tasks.create_task(watched.ask("127.0.0.3"))
        await until(lambda: watched.activators.held_requests(IRIS) == 1)
        watched.activators.stop(AT_ONCE)
        assert await asked == 503


async def test_one_that_ends_is_told_of_and_replaced_under_another_name(tmp_path: Path) -> None:
    async with running(tmp_path, 2) as watched:
        before = watched.ready[-1]
        os.kill(watched.pids()[0], signal.SIGKILL)
        await until(lambda: len(watched.ready[-1]) == 1)
        await until(lambda: len(watched.ready[-1]) == 2)
        assert {place.host for place in watched.ready[-1]} == {place.host for place in before}
        assert len({*watched.ready[-1], *before}) == 3
        (event,) = watched.events
        assert event.name == "activator ended"
        assert event.facts["reason"] == "signal 9 (Killed)"


async def test_one_that_does_not_end_is_killed(tmp_path: Path) -> None:
    async with running(tmp_path, 2) as watched:
        stuck = watched.pids()[0]
        os.kill(stuck, signal.SIGSTOP)
    assert not is_running(stuck)


async def test_one_that_cannot_start_ends_the_run_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with running(tmp_path, 2, url="http://wrong"):
            pass
    failed = caught.value.subgroup(ActivatorFailedError)
    assert failed is not None
    error = traceback.format_exception(failed)
    assert "ended with exit code 78 before it was ready" in "".join(error)
    assert "AUTOSCALER_URL: 'http://wrong'; expected an address as ws://HOST:PORT" in "".join(error)
