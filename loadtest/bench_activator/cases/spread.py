"""Eight pods, random service times, least loaded."""

from statistics import fmean

from loadtest.bench_activator.bench import MS, Bench
from loadtest.bench_activator.clients import closed_loop
from loadtest.bench_activator.core.figure import CaseResult, Figure, failures
from loadtest.bench_activator.rig import rig


async def measure(bench: Bench) -> CaseResult:
    """Eight pods, random service times, least loaded."""
    pods, limit, mean_s = 8, 4, 0.025
    seconds = 3.0 if bench.quick else 15.0
    clients = round(0.6 * pods * limit)
    annotations = {"inflight.dev/lb-policy": "least-loaded"}
    async with rig(bench.folder / "spread", bench.core, limit, annotations) as place:
        await place.start_pods(pods, mean_s, "exponential")
        await place.show(place.pods)
        answers = await closed_loop(place.port, clients, seconds)
        seen = await place.report()
    counts = [len(model.arrivals) for model in seen.values()]
    return CaseResult(
        name="spread",
        title=f"{pods} pods, container concurrency {limit}, random service times, 60 % load",
        method=(
            f"Least-loaded; {clients} clients ask again as soon as they are answered, which keeps "
            f"{clients} of {pods * limit} slots busy; requests take {mean_s * MS:g} ms on average, "
            "exponentially spread."
        ),
        figures=(
            Figure(text="busiest pod ÷ mean", value=max(counts) / fmean(counts), most=1.15),
            Figure(text="idlest pod ÷ mean", value=min(counts) / fmean(counts)),
            Figure(
                text="most requests in one pod",
                value=max(model.peak for model in seen.values()),
                most=limit,
            ),
            failures(answers),
            Figure(text="requests", value=len(answers)),
        ),
        series={"requests_by_pod": sorted(counts, reverse=True)},
    )
