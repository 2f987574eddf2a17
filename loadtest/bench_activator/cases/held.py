"""Ten thousand requests at zero pods, released to twenty."""

from loadtest.bench.core.metric import MIB, MICROSECONDS
from loadtest.bench_activator.bench import MS, WITHIN_S, Bench
from loadtest.bench_activator.clients import Crowd, one_by_one
from loadtest.bench_activator.core.figure import CaseResult, Figure, failures
from loadtest.bench_activator.rig import rig
from servingkit.clock import monotonic


async def measure(bench: Bench) -> CaseResult:
    """Ten thousand requests at zero pods, released to twenty."""
    count = 1_000 if bench.quick else 10_000
    pods, limit, service_s = 20, 10, 0.005
    async with rig(bench.folder / "held", bench.core, limit) as place:
        await place.start_pods(pods, service_s)
        before = place.usage()
        crowd = Crowd(place.port, count)
        await crowd.connect()
        await place.until_held(count)
        holding = place.usage()
        released_at = monotonic()
        await place.show(place.pods)
        await crowd.all_answered(WITHIN_S)
        took_s = monotonic() - released_at
        released = place.usage()
        seen = await place.report()
        warm = await one_by_one(place.port, count, pods * limit)
        after = place.usage()
        seen_warm = await place.report()
    held_us = (released.cpu_s - before.cpu_s) * MICROSECONDS / count
    release_us = (released.cpu_s - holding.cpu_s) * MICROSECONDS / count
    warm_us = (after.cpu_s - released.cpu_s) * MICROSECONDS / count
    reached = sum(len(model.arrivals) for model in seen.values())
    peak = max(model.peak for model in (*seen.values(), *seen_warm.values()))
    return CaseResult(
        name="held",
        title=f"{count:,} requests held at zero pods, then released to {pods}",
        method=(
            f"Each request has a connection of its own. {pods} real sidecars with a container "
            f"concurrency of {limit} stand before one process that serves {pods} ports and takes "
            f"{service_s * MS:g} ms for a request. *Warm* is the same number of requests, again "
            "each on a new connection, with as many under way as there are slots. A held request "
            "is counted whole, from its connect to its answer; *released* is the part after the "
            "pods had come."
        ),
        figures=(
            Figure(text="memory held", value=holding.rss_bytes / MIB, unit="MiB", most=250),
            Figure(text="memory before", value=before.rss_bytes / MIB, unit="MiB"),
            failures([*crowd.answers, *warm]),
            Figure(text="requests lost or doubled", value=abs(reached - count), most=0),
            Figure(text="most requests in one pod", value=peak, most=limit),
            Figure(text="CPU of a held request ÷ a warm one", value=held_us / warm_us, most=2),
            Figure(text="CPU of its release ÷ a warm one", value=release_us / warm_us, most=2),
            Figure(text="CPU of a held request", value=held_us, unit="µs"),
            Figure(text="CPU of a warm request", value=warm_us, unit="µs"),
            Figure(text="from the pods' coming to the last answer", value=took_s, unit="s"),
            Figure(
                text="the same if only the slots counted",
                value=count / (pods * limit) * service_s,
                unit="s",
            ),
        ),
        series={"held_answer_s": sorted(answer.seconds for answer in crowd.answers)},
    )
