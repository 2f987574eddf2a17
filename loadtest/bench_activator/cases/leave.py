"""Clients that leave while the model works for them: how soon their slots are free."""

import asyncio

from loadtest.bench.connection import HOST
from loadtest.bench.core.seen import percentile
from loadtest.bench_activator.bench import MS, Bench
from loadtest.bench_activator.clients import Connection
from loadtest.bench_activator.core.figure import CaseResult, Figure
from loadtest.bench_activator.rig import rig
from servingkit.clock import monotonic

_LONG_S = 600.0
_PAUSE_S = 0.02
_SETTLED_S = 1.0


async def measure(bench: Bench) -> CaseResult:
    """Let clients leave one by one, and look when the model is told."""
    count = 20 if bench.quick else 200
    async with rig(bench.folder / "leave", bench.core, count) as place:
        await place.start_pods(1, _LONG_S)
        await place.show(place.pods)
        clients = [await _ask(place.port) for _ in range(count)]
        await asyncio.sleep(_SETTLED_S)
        left_at = []
        for client in clients:
            left_at.append(monotonic())
            client.close()
            await asyncio.sleep(_PAUSE_S)
        await asyncio.sleep(_SETTLED_S)
        (seen,) = (await place.report()).values()
    delays = sorted(
        (end - left) * MS for left, end in zip(left_at, sorted(seen.ends), strict=False)
    )
    return CaseResult(
        name="leave",
        title=f"{count} clients that leave while the model works",
        method=(
            f"They leave {_PAUSE_S * MS:g} ms apart; measured from the client's close to the "
            "moment when the model's connection is closed, through activator and sidecar."
        ),
        figures=(
            Figure(
                text="slot free after, p99", value=percentile(delays, 0.99), unit="ms", most=100
            ),
            Figure(text="slot free after, p50", value=percentile(delays, 0.5), unit="ms"),
            Figure(text="slots not freed", value=count - len(seen.ends), most=0),
        ),
    )


async def _ask(port: int) -> Connection:
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: Connection({}, lambda _: None), HOST, port)
    return client
