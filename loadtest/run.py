"""Load on a revision that runs already, here or on a cluster, and a report of it."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from loadtest.load import ShapeName, Users, run_load
from loadtest.narrator import Narrator
from loadtest.pods_watch import PodsWatch
from loadtest.report import Run, summarise, write_report
from servingkit.clock import monotonic


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What gets the load."""

    users: Users
    host: str
    """URL of the revision."""

    shape: ShapeName
    api: str
    """URL of the control API. Empty: the report has no pods."""

    revision: str
    """NAMESPACE/NAME, for the control API."""


async def run(target: Target, out: Path, narrator: Narrator) -> int:
    """Send the load, write the report, return 1 if a request failed. Raises ChildError."""
    began_at = monotonic()
    narrator.doing = "load"
    narrator.tell(f"load on {target.host}: {target.users} in a {target.shape}")
    watch = PodsWatch(target.api, target.revision, narrator.see)
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch.run(), name="pods watch") if target.api else None
        requests = await run_load(target.users, target.shape, target.host, out, {})
        if watching is not None:
            watching.cancel()
    narrator.tell(summarise(requests))
    report = Run(
        title=f"{target.users}: {target.shape}, {target.host}",
        began_at=began_at,
        ended_at=monotonic(),
        requests=requests,
        samples=watch.samples,
    )
    table, picture = write_report(report, out)
    narrator.tell(f"picture: {picture}   table: {table}")
    if target.api and not watch.samples:
        narrator.tell(f"the report has no pods: {target.api} told nothing of {target.revision}")
    return 1 if any(request.failure for request in requests) or not requests else 0
