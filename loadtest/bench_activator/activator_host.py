"""An activator in a process of its own, whose pods are told by lines on standard input.

Each line is a JSON object with `container_concurrency`, `annotations` and `pods` (`name`, `port`,
`state`), whole each time. The first line must be there before it listens. It answers on standard
output with one line: its `port` for the one revision, and its `metrics_port`. It ends with its
standard input. AUTOSCALER_URL says where it reports; without, it looks for nobody, and serves.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from typing import Any, Final

import uvloop

from activator.app import Activator
from activator.config import Config
from loadtest.bench.connection import HOST, free_port
from servingkit.cluster.protocols import OnChange
from servingkit.core.revision import Address, Pod, PodState, Revision, RevisionId
from servingkit.http1.engine import Engine

REVISION: Final = RevisionId("bench", "model")

TIMEOUT_S: Final = 3600
"""Longest time of a request, for activator and sidecars: streams of minutes are not to meet it."""

_NOBODY: Final = Address(HOST, 1)
_MOST_LINE_BYTES: Final = 1024 * 1024


class ToldCluster:
    """One revision and its pods, as the last line told (*Revisions* and *Pods*)."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._revisions: Mapping[RevisionId, Revision] = {}
        self._pods: tuple[Pod, ...] = ()
        self._on_revision_change: list[OnChange] = []
        self._on_pods_change: list[OnChange] = []

    def __repr__(self) -> str:
        return f"<ToldCluster {len(self._pods)} pods>"

    def take(self, line: bytes) -> None:
        """Show what a line tells."""
        told: dict[str, Any] = json.loads(line)
        revision = Revision(
            id=REVISION,
            uid="1",
            container_concurrency=told["container_concurrency"],
            annotations=told["annotations"],
            timeout_s=TIMEOUT_S,
            activator_port=self._port,
        )
        self._revisions = {REVISION: revision}
        self._pods = tuple(
            Pod(
                name=pod["name"],
                state=PodState(pod["state"]),
                serving=Address(HOST, pod["port"]),
                stats=_NOBODY,
                created_at=0.0,
            )
            for pod in told["pods"]
        )
        for callback in (*self._on_revision_change, *self._on_pods_change):
            callback(REVISION)

    def revisions(self) -> Mapping[RevisionId, Revision]:
        """Return the one revision."""
        return self._revisions

    def on_revision_change(self, callback: OnChange) -> None:
        """Call back at each line, and once for the revision that is there."""
        self._on_revision_change.append(callback)
        for revision in self._revisions:
            callback(revision)

    def pods(self, revision: RevisionId) -> tuple[Pod, ...]:
        """Return the pods."""
        return self._pods if revision == REVISION else ()

    def on_pods_change(self, callback: OnChange) -> None:
        """Call back at each line."""
        self._on_pods_change.append(callback)


async def run() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_MOST_LINE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    port = free_port()
    cluster = ToldCluster(port)
    cluster.take(await reader.readline())
    config = Config(
        name="activator-bench",
        listen_host=HOST,
        autoscaler_url=os.environ.get("AUTOSCALER_URL", f"ws://{_NOBODY}"),
        port=0,
        metrics_port=0,
    )
    async with Engine() as engine, asyncio.TaskGroup() as tasks:
        activator = Activator(config, engine, cluster, cluster)
        started = asyncio.Event()
        serving = tasks.create_task(activator.run(started))
        await started.wait()
        facts = {"port": port, "metrics_port": activator.metrics_port}
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()
        while line := await reader.readline():
            cluster.take(line)
        serving.cancel()


if __name__ == "__main__":
    uvloop.run(run())
