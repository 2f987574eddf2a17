"""Decisions alone: the multiscaler over busy revisions whose reports are made up in this process.

What the making up costs is measured, and taken off. Idle revisions can be woken over the websocket.

    python -m loadtest.bench_autoscaler.subjects.deciding BUSY IDLE
"""

import asyncio
import gc
import logging
import math
import sys
import time
from typing import Final

import uvloop
from aiohttp import web

from autoscaler.core.defaults import Defaults
from autoscaler.garbage import collect_rarely
from autoscaler.multiscaler import Multiscaler
from autoscaler.stat_receiver import StatReceiver
from loadtest.bench_autoscaler.subjects.reporting import answer_questions, rss_bytes
from loadtest.bench_autoscaler.synthetic_cluster import SyntheticCluster, busy_id, pod_name
from servingkit.clock import monotonic
from servingkit.core.stat import Stat

_PODS_EACH: Final = 2
_SLICES: Final = 50
_LOAD: Final = 5.0
_LOOK_AGAIN_S: Final = 0.1


class Reports:
    """Reports of every pod, each second, a slice of the revisions at a time."""

    def __init__(self, multiscaler: Multiscaler, heard_at: dict[str, float], busy: int) -> None:
        self.cpu_s = 0.0
        """CPU time spent on making them up and recording them."""

        self._multiscaler = multiscaler
        self._heard_at = heard_at
        self._busy = busy

    async def run(self) -> None:
        """Report until cancelled."""
        second = math.floor(monotonic())
        while True:
            for part in range(_SLICES):
                began_s = time.process_time()
                self._report(range(part, self._busy, _SLICES), second)
                self.cpu_s += time.process_time() - began_s
                await asyncio.sleep(second + (part + 1) / _SLICES - monotonic())
            second = max(second + 1, math.floor(monotonic()))

    def _report(self, numbers: range, second: int) -> None:
        now = self._heard_at["activator-0"] = monotonic()
        for number in numbers:
            tracked = self._multiscaler.tracked.get(busy_id(number))
            if tracked is None:
                continue
            for pod in range(number * _PODS_EACH, (number + 1) * _PODS_EACH):
                stat = Stat(pod_name(pod), _LOAD + number % 3, 0.0, 20.0)
                tracked.collector.record_pod(stat, second=second, heard_at=now, weight=1.0)


async def main(busy: int, idle: int) -> None:
    """Run until standard input ends."""
    logging.disable(logging.WARNING)
    cluster = SyntheticCluster(busy, _PODS_EACH, idle)
    heard_at: dict[str, float] = {}
    gc.collect()
    empty_bytes = rss_bytes()
    defaults = Defaults(allow_zero_initial_scale=True)
    multiscaler = Multiscaler(cluster.seams(), defaults, heard_at, cluster.ask_public_address)
    reports = Reports(multiscaler, heard_at, busy)
    runner = web.AppRunner(StatReceiver(heard_at, multiscaler.receive).application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with asyncio.TaskGroup() as group:
        work = (collect_rarely(), multiscaler.run(), reports.run())
        tasks = [group.create_task(one) for one in work]
        while len(multiscaler.tracked) < busy + idle:  # noqa: ASYNC110 -- nothing announces it
            await asyncio.sleep(_LOOK_AGAIN_S)
        await answer_questions(
            lambda: {
                "decisions": cluster.scale_reads,
                "reporting_cpu_s": reports.cpu_s,
                "revision_bytes": (rss_bytes() - empty_bytes) / (busy + idle),
                "woken": cluster.woken,
            },
            port=runner.addresses[0][1],
        )
        for task in tasks:
            task.cancel()
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
