"""A tenant at ten times its share, and a quiet one."""

import asyncio

from loadtest.bench.core.seen import percentile
from loadtest.bench_activator.bench import MS, Bench
from loadtest.bench_activator.clients import closed_loop, open_loop
from loadtest.bench_activator.core.figure import CaseResult, Figure, failures
from loadtest.bench_activator.rig import rig


async def measure(bench: Bench) -> CaseResult:
    """A tenant at ten times its share, and a quiet one."""
    pods, limit, service_s = 2, 4, 0.02
    seconds = 3.0 if bench.quick else 12.0
    slots = pods * limit
    share_per_second = slots / service_s / 2
    quiet_per_second = share_per_second / 5
    crowd = round(10 * slots / 2)  # a closed loop of ten times the slots that are its share
    annotations = {"inflight.dev/tenant-header": "X-Tenant"}
    async with rig(bench.folder / "noisy", bench.core, limit, annotations) as place:
        await place.start_pods(pods, service_s, "uniform")
        await place.show(place.pods)
        quiet = {"X-Tenant": "quiet"}
        await closed_loop(place.port, slots, 1.0, quiet)  # warm
        alone = await open_loop(place.port, quiet_per_second, seconds, quiet)
        async with asyncio.TaskGroup() as tasks:
            noise = tasks.create_task(
                closed_loop(place.port, crowd, seconds + 1.0, {"X-Tenant": "noisy"})
            )
            await asyncio.sleep(0.5)
            beside = await open_loop(place.port, quiet_per_second, seconds, quiet)
        peak = max(model.peak for model in (await place.report()).values())
    p95_alone, p95_beside = (
        percentile(sorted(answer.seconds for answer in answers), 0.95) * MS
        for answers in (alone, beside)
    )
    return CaseResult(
        name="noisy",
        title="A noisy tenant at ten times its share",
        method=(
            f"{pods} pods with {limit} slots, {service_s * MS / 2:g} to "
            f"{service_s * MS * 1.5:g} ms a request: "
            f"{slots / service_s:g} requests a second in all, half of it each tenant's share. The "
            f"noisy one keeps {crowd} requests in the system all the time, ten for each slot of "
            f"its share; the quiet one sends {quiet_per_second:g} a second at random moments."
        ),
        figures=(
            Figure(text="p95 of the quiet tenant ÷ alone", value=p95_beside / p95_alone, most=2),
            Figure(text="p95 of the quiet tenant alone", value=p95_alone, unit="ms"),
            Figure(text="p95 of the quiet tenant beside it", value=p95_beside, unit="ms"),
            failures([*alone, *beside]),
            Figure(text="requests of the noisy tenant", value=len(noise.result())),
            Figure(text="most requests in one pod", value=peak, most=limit),
        ),
    )
