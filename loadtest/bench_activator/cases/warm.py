"""CPU of a request that nothing keeps waiting, beside the sidecar's own."""

from pathlib import Path
from statistics import median
from typing import Final

from loadtest.bench.connection import free_port, until_ready
from loadtest.bench.core.metric import MICROSECONDS
from loadtest.bench.load import Load, WrkLoad
from loadtest.bench.peers.inflight_peer import InflightPeer
from loadtest.bench.peers.peer import Seat
from loadtest.bench.process import usage_of
from loadtest.bench.upstream import upstream
from loadtest.bench_activator.bench import Bench
from loadtest.bench_activator.core.figure import CaseResult, Figure
from loadtest.bench_activator.rig import PodSeat, rig
from loadtest.child import running

_QUESTION: Final = '{"instances":[[5.1,3.5,1.4,0.2],[6.7,3.0,5.2,2.3]],"id":"0"}'
_WARM_UP_S: Final = 1.0


async def measure(bench: Bench) -> CaseResult:
    """CPU of a request that nothing keeps waiting, beside the sidecar's own."""
    connections = 32
    seconds, rounds = (2.0, 1) if bench.quick else (4.0, 3)
    load = WrkLoad(connections, body=_QUESTION)
    folder = bench.folder / "warm"
    activator_us: list[float] = []
    sidecar_us: list[float] = []
    failed = 0
    async with upstream(folder / "upstream") as nginx:
        for number in range(rounds):
            place_folder = folder / f"activator-{number}"
            async with rig(place_folder, bench.core, 0) as place:
                await place.show([PodSeat(name="nginx", port=nginx, model_port=nginx, pid=0)])
                await until_ready(place.port)
                cpu_us, errors = await _cpu_us(
                    load, place.port, place.activator.pid, seconds, folder
                )
            activator_us.append(cpu_us)
            failed += errors
            cpu_us, errors = await _sidecar_alone(bench, load, nginx, seconds, number)
            sidecar_us.append(cpu_us)
            failed += errors
    return CaseResult(
        name="warm",
        title=f"CPU of a warm request, {connections} connections",
        method=(
            f"A POST of {len(_QUESTION)} bytes by wrk, container concurrency 0, each proxy alone "
            f"on its core; {rounds} rounds by turns, medians. Behind both is the same nginx, the "
            "activator's pod and the sidecar's model: behind a slower pod the activator would "
            "wake for fewer events at a time, and a request would cost it more."
        ),
        figures=(
            Figure(
                text="CPU of the activator ÷ of the sidecar",
                value=median(activator_us) / median(sidecar_us),
                most=1.5,
            ),
            Figure(text="CPU of the activator", value=median(activator_us), unit="µs"),
            Figure(text="CPU of the sidecar", value=median(sidecar_us), unit="µs"),
            Figure(text="requests that failed", value=failed, most=0),
        ),
    )


async def _sidecar_alone(
    bench: Bench, load: Load, nginx: int, seconds: float, number: int
) -> tuple[float, int]:
    """Return the sidecar's CPU for each request, and the requests that failed."""
    folder = bench.folder / "warm" / f"sidecar-{number}"
    folder.mkdir()
    seat = Seat(folder=folder, port=free_port(), upstream_port=nginx, limit=0)
    launch, log = InflightPeer(limited=False).launch(seat), folder / "log"
    pinned = ("taskset", "--cpu-list", str(bench.core), *launch.command)
    async with running(pinned, log, log, launch.environ) as process:
        await until_ready(seat.port)
        return await _cpu_us(load, seat.port, process.pid, seconds, folder)


async def _cpu_us(
    load: Load, port: int, pid: int, seconds: float, folder: Path
) -> tuple[float, int]:
    await load.drive(port, _WARM_UP_S, folder)
    before = usage_of(pid).cpu_s
    seen = await load.drive(port, seconds, folder)
    return (usage_of(pid).cpu_s - before) * MICROSECONDS / max(seen.units, 1), seen.failed
