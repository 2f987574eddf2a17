"""One run: rounds of cases of proxies, each proxy alone on its core."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from loadtest.bench.case import Case, Proxy, Timing, Upstream
from loadtest.bench.connection import free_port, until_ready
from loadtest.bench.core.metric import Values, combined
from loadtest.bench.core.results import Results
from loadtest.bench.events import event_source
from loadtest.bench.load import WRK_INSTALL
from loadtest.bench.machine import Cores, describe_machine
from loadtest.bench.peers.peer import Peer, Seat
from loadtest.bench.tool import MissingError, find, version_of
from loadtest.bench.upstream import upstream
from loadtest.child import ChildError, running

_TASKSET_INSTALL: Final = "apt-get install util-linux"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure, and how thoroughly."""

    peers: Sequence[Peer]
    cases: Sequence[Case]
    rounds: int
    timing: Timing


class Run:
    """Carries out a plan. The caller has put our own process on `cores.others`."""

    def __init__(self, plan: Plan, cores: Cores, folder: Path, tell: Callable[[str], None]) -> None:
        self._plan = plan
        self._cores = cores
        self._folder = folder
        self._tell = tell
        self._seats = 0

    async def results(self) -> Results:
        """Measure all of it. Raises MissingError when wrk, taskset or the upstream is not there."""
        plan, machine = self._plan, describe_machine()
        versions = {"wrk": await version_of(find("wrk", WRK_INSTALL), "-v")}
        find("taskset", _TASKSET_INSTALL)
        ready, skipped = await self._prepare(versions)
        measured: dict[tuple[str, str], list[Values]] = {}
        async with upstream(self._folder / "upstream") as nginx, event_source() as events:
            ports: dict[Upstream, int] = {"nginx": nginx, "events": events}
            for number, case, peer in self._steps(ready):
                self._tell(f"round {number} of {plan.rounds}: {case.name}, {peer.name}")
                values = await self._measure(case, peer, ports[case.upstream])
                measured.setdefault((case.name, peer.name), []).append(values)
        return Results(
            date=datetime.now(UTC).strftime("%Y-%m-%d"),
            machine=machine,
            versions=versions,
            peers={peer.name: peer.description for peer in ready},
            skipped=skipped,
            cases={case.name: case.title for case in plan.cases},
            rounds=plan.rounds,
            seconds=plan.timing.measured_s,
            measured={
                case.name: {peer.name: combined(measured[case.name, peer.name]) for peer in ready}
                for case in plan.cases
            },
        )

    async def _prepare(self, versions: dict[str, str]) -> tuple[list[Peer], Mapping[str, str]]:
        """Return the peers that can run, and why the others cannot; add what they are made of."""
        ready: list[Peer] = []
        skipped: dict[str, str] = {}
        for peer in self._plan.peers:
            try:
                versions.update(await peer.prepare(self._folder))
                ready.append(peer)
            except MissingError as missing:
                skipped[peer.name] = str(missing)
                self._tell(f"{peer.name} is skipped: {missing}")
        return ready, skipped

    def _steps(self, peers: Sequence[Peer]) -> Iterator[tuple[int, Case, Peer]]:
        for number in range(1, self._plan.rounds + 1):
            for case in self._plan.cases:
                for peer in peers:
                    yield number, case, peer

    async def _measure(self, case: Case, peer: Peer, upstream_port: int) -> Values:
        self._seats += 1
        folder = self._folder / f"{self._seats}-{case.name}-{peer.name}"
        folder.mkdir()
        seat = Seat(folder=folder, port=free_port(), upstream_port=upstream_port, limit=case.limit)
        async with self._serving(peer, seat) as proxy:
            return await case.measure(proxy, self._plan.timing)

    @asynccontextmanager
    async def _serving(self, peer: Peer, seat: Seat) -> AsyncIterator[Proxy]:
        """Run a proxy on its core during the block. Raises ChildError when it does not serve."""
        launch, log = peer.launch(seat), seat.folder / "log"
        pinned = ("taskset", "--cpu-list", str(self._cores.proxy), *launch.command)
        async with running(pinned, log, log, launch.environ) as process:
            try:
                await until_ready(seat.port)
            except TimeoutError as error:
                raise ChildError(peer.name, process.returncode, log) from error
            yield Proxy(port=seat.port, pid=process.pid, folder=seat.folder)
