"""A hundred and fifty requests wake a pod that takes two seconds to start."""

import asyncio
from collections.abc import Sequence

from loadtest.bench.core.seen import percentile
from loadtest.bench_activator.bench import MS, WITHIN_S, Bench
from loadtest.bench_activator.clients import Crowd
from loadtest.bench_activator.core.figure import Answer, CaseResult, Figure, failures
from loadtest.bench_activator.core.timing import first_delays_s, reuse_gaps_s
from loadtest.bench_activator.rig import Rig, rig, until_listening
from servingkit.clock import monotonic
from servingkit.core.revision import PodState


async def measure(bench: Bench) -> CaseResult:
    """A hundred and fifty requests wake a pod that takes two seconds."""
    requests, limit, startup_s, mean_s = 150, 40, 2.0, 0.2
    rounds = 2 if bench.quick else 12
    delays: list[float] = []
    gaps: list[float] = []
    answers: list[Answer] = []
    peak = 0
    for number in range(rounds):
        async with rig(bench.folder / f"cold-{number}", bench.core, limit) as place:
            answered, first_s, gap_s, most = await _one_cold_start(
                place, requests, startup_s, mean_s
            )
        answers += answered
        delays += first_s
        gaps += gap_s
        peak = max(peak, most)
    return CaseResult(
        name="cold",
        title=f"{requests} requests at zero pods, container concurrency {limit}",
        method=(
            f"The sidecar starts with the requests, its model listens {startup_s:g} s later and "
            f"takes {mean_s * MS:g} ms for a request, exponentially spread; the cluster never says "
            f"that the pod is ready. {rounds} cold starts. *Delay* is from the model's first "
            f"listening to the arrival of each of the first {limit} requests at the model; a slot "
            "is *empty* from the end of a request there to the arrival of the next one, while any "
            "wait: both cross activator and sidecar."
        ),
        figures=(
            Figure(text="most requests in one pod", value=peak, most=limit),
            failures(answers),
            _ms(f"delay of the first {limit}, p99", delays, 0.99, most=50),
            _ms(f"delay of the first {limit}, p50", delays, 0.5),
            _ms("freed slot empty, p99", gaps, 0.99, most=10),
            _ms("freed slot empty, p50", gaps, 0.5),
            _ms("freed slot empty, longest", gaps, 1.0),
        ),
        series={
            "delay_ms": [delay * MS for delay in sorted(delays)],
            "gap_ms": [gap * MS for gap in sorted(gaps)],
        },
    )


async def _one_cold_start(
    place: Rig, requests: int, startup_s: float, mean_s: float
) -> tuple[Sequence[Answer], list[float], list[float], int]:
    """Return the answers, the delays of the first requests, the gaps, and the most at once."""
    limit = place.container_concurrency
    began_at = monotonic()
    pod = await place.add_pod()
    await place.show([pod], PodState.STARTING)
    crowd = Crowd(place.port, requests)
    await crowd.connect()
    await place.until_held(requests)
    await until_listening(pod.port)
    await asyncio.sleep(max(0.0, began_at + startup_s - monotonic()))
    await place.listen([pod], mean_s, "exponential")
    await crowd.all_answered(WITHIN_S)
    seen = (await place.report())[pod.model_port]
    # The sidecar's own looks at the port are no requests, so all arrivals are.
    first_s = first_delays_s(seen.began_at, seen.arrivals, limit)
    return crowd.answers, first_s, reuse_gaps_s(seen.arrivals, seen.ends, limit), seen.peak


def _ms(text: str, seconds: Sequence[float], ratio: float, most: float | None = None) -> Figure:
    value = percentile(sorted(seconds), ratio) * MS
    return Figure(text=text, value=value, unit="ms", most=most)
