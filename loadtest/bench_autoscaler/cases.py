"""What is measured: decisions, stats received, pods scraped, and how soon a poke is answered."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

import aiohttp

from loadtest.bench.machine import Cores
from loadtest.bench_autoscaler.core.results import Metric, Values
from loadtest.bench_autoscaler.process import Answer, Subject, running
from loadtest.bench_autoscaler.synthetic_cluster import busy_id, idle_id
from servingkit.clock import monotonic
from servingkit.core.stat import Stat
from servingkit.stat_wire import WireStat, encode_wire_stats

_MICROSECONDS: Final = 1e6
_KIB: Final = 1024
_WOKEN_WITHIN_S: Final = 10.0
_ASK_AGAIN_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How large, and how long."""

    revisions: Sequence[int]
    """Numbers of revisions to decide, from small to large."""

    stats_per_second: int
    activators: int
    pods: int
    pokes: int
    warm_up_s: float
    measured_s: float


FULL: Final = Scale(
    revisions=(1000, 3000, 10_000),
    stats_per_second=20_000,
    activators=10,
    pods=2000,
    pokes=300,
    warm_up_s=4,
    measured_s=8,
)
QUICK: Final = Scale(
    revisions=(100, 300, 1000),
    stats_per_second=2000,
    activators=2,
    pods=200,
    pokes=20,
    warm_up_s=2,
    measured_s=2,
)


async def _rates(subject: Subject, scale: Scale) -> tuple[Answer, Answer, float]:
    """Return the answers before and after the measured time, and how long that was."""
    await asyncio.sleep(scale.warm_up_s)
    began_at, before = monotonic(), await subject.ask()
    await asyncio.sleep(scale.measured_s)
    after = await subject.ask()
    return before, after, monotonic() - began_at


def _cpu(before: Answer, after: Answer, seconds: float, units: str) -> Values:
    """Return the share of a core, and the CPU time for each of what was counted."""
    cpu_s = after["cpu_s"] - before["cpu_s"]
    done = after[units] - before[units]
    return {
        Metric.CORES: cpu_s / seconds,
        Metric.CPU_US: cpu_s * _MICROSECONDS / max(done, 1),
        Metric.PER_SECOND: done / seconds,
    }


async def decide(revisions: int, scale: Scale, cores: Cores) -> Values:
    """Measure decisions about that many revisions, and what each holds of memory."""
    async with running("deciding", str(revisions), "0", cores=[cores.proxy]) as (subject, _):
        before, after, seconds = await _rates(subject, scale)
    own = {**after, "cpu_s": after["cpu_s"] - after["reporting_cpu_s"]}
    base = {**before, "cpu_s": before["cpu_s"] - before["reporting_cpu_s"]}
    values = _cpu(base, own, seconds, "decisions")
    return {**values, Metric.REVISION_KIB: after["revision_bytes"] / _KIB}


async def poke(scale: Scale, cores: Cores) -> Values:
    """Measure how long it takes from a poke's sending to the write of the scale."""
    busy = scale.revisions[-1]
    sent_at: dict[int, float] = {}
    async with (
        running("deciding", str(busy), str(scale.pokes), cores=[cores.proxy]) as (subject, ready),
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://127.0.0.1:{ready['port']}/?activator=activator-1") as socket,
    ):
        await asyncio.sleep(scale.warm_up_s)
        for number in range(scale.pokes):
            stat = Stat("activator-1", 1.0, 0.0, 1.0, timestamp_s=0)
            frame = encode_wire_stats([WireStat(idle_id(number), stat)])
            sent_at[number] = monotonic()
            await socket.send_bytes(frame)
            # Not in step with the ticks.
            await asyncio.sleep(0.0291)
        first = await _woken(subject, scale.pokes)
    delays_s = sorted(first[number] - at for number, at in sent_at.items() if number in first)
    if not delays_s:
        return {Metric.LOST: len(sent_at)}
    return {
        Metric.P50_MS: 1000 * delays_s[len(delays_s) // 2],
        Metric.P99_MS: 1000 * delays_s[min(len(delays_s) - 1, len(delays_s) * 99 // 100)],
        Metric.LOST: len(sent_at) - len(delays_s),
    }


async def _woken(subject: Subject, pokes: int) -> Mapping[int, float]:
    """Return when each idle revision was first woken; waits for those that still are to be."""
    first: dict[int, float] = {}
    give_up_at = monotonic() + _WOKEN_WITHIN_S
    while len(first) < pokes and monotonic() < give_up_at:
        for number, at in (await subject.ask())["woken"]:
            first.setdefault(number, at)
        await asyncio.sleep(_ASK_AGAIN_S)
    return first


async def receive(server: str, scale: Scale, cores: Cores) -> Values:
    """Measure stats received; each activator reports all revisions each second."""
    revisions = scale.stats_per_second // scale.activators
    async with (
        running("receiving", server, str(revisions), cores=[cores.proxy]) as (
            subject,
            ready,
        ),
        asyncio.TaskGroup() as group,
    ):
        tasks = [
            group.create_task(_send_reports(number, revisions, ready["port"], scale))
            for number in range(scale.activators)
        ]
        before, after, seconds = await _rates(subject, scale)
        for task in tasks:
            task.cancel()
    return _cpu(before, after, seconds, "stats")


async def _send_reports(activator: int, revisions: int, port: int, scale: Scale) -> None:
    name = f"activator-{activator}"
    names = [busy_id(number) for number in range(revisions)]
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://127.0.0.1:{port}/?activator={name}") as socket,
    ):
        due_at = monotonic() + activator / scale.activators
        for number in count(1):
            stat = Stat(name, 5.5, 0.0, 20.0, timestamp_s=number)
            frame = encode_wire_stats(WireStat(revision, stat) for revision in names)
            await asyncio.sleep(due_at - monotonic())
            await socket.send_bytes(frame)
            due_at += 1


async def scrape(client: str, scale: Scale, cores: Cores) -> Values:
    """Measure pods asked each second."""
    async with (
        running("stub_pods", cores=cores.others) as (_, stub),
        running("scraping", client, str(scale.pods), str(stub["port"]), cores=[cores.proxy]) as (
            subject,
            _,
        ),
    ):
        before, after, seconds = await _rates(subject, scale)
    values = _cpu(before, after, seconds, "scrapes")
    return {**values, Metric.LOST: after["failures"] - before["failures"]}
