"""An activator as a process of its own: `python -m inflight.local.activator_program`.

Started by `inflight.local.activator_set`, which shows it the cluster on standard input; what it
tells goes to standard output. Settings come from the environment, as on Kubernetes. SIGTERM and
SIGINT end it in order, a second one at once; so does the end of standard input, and quickly, for
then nobody is left to look after it.
"""

import asyncio
import os
import signal
import sys
from typing import Final

import uvloop

from activator.app import Activator
from activator.config import Config
from activator.core.drain import DrainTimes
from inflight.local.activator_link import (
    MOST_LINE_BYTES,
    ActivatorView,
    ClusterView,
    Held,
    StopOrder,
    decode_order,
    encode_line,
)
from inflight.local.remote_cluster import RemoteCluster
from servingkit import logs, open_files
from servingkit.config import exit_code_of
from servingkit.http1.engine import Engine

_TELL_EVERY_S: Final = 0.1
_EXIT_KILLED: Final = 130
_ABANDONED: Final = DrainTimes(hold_s=0.0, grace_s=1.0, quiet_s=0.0)


class _Link:
    """Follows what is shown, and tells how the activator stands."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        output: asyncio.WriteTransport,
        cluster: RemoteCluster,
        activator: Activator,
    ) -> None:
        self._reader = reader
        self._output = output
        self._cluster = cluster
        self._activator = activator
        self._told: ActivatorView | None = None

    async def follow_one(self) -> bool:
        """Take one line; False: there will be no more."""
        line = await self._reader.readline()
        if not line:
            self._activator.stop(_ABANDONED)
            return False
        match decode_order(line):
            case ClusterView() as view:
                self._cluster.take(view)
            case StopOrder(hold_s=hold_s, grace_s=grace_s, quiet_s=quiet_s):
                self._activator.stop(DrainTimes(hold_s=hold_s, grace_s=grace_s, quiet_s=quiet_s))
        return True

    async def follow(self) -> None:
        """Take all that comes, and tell what has been seen at once."""
        while await self.follow_one():
            self._tell()

    async def tell_for_ever(self) -> None:
        """Tell what has changed."""
        while True:
            self._tell()
            await asyncio.sleep(_TELL_EVERY_S)

    def _tell(self) -> None:
        view = ActivatorView(
            ready=self._activator.ready,
            port=self._activator.port,
            metrics_port=self._activator.metrics_port,
            seen_version=self._cluster.version,
            held=tuple(
                Held(revision, held)
                for revision in self._cluster.revisions()
                if (held := self._activator.held_requests(revision))
            ),
        )
        # Whoever reads may have been stopped: then it is told later, and only the last.
        if view != self._told and not self._output.get_write_buffer_size():
            self._told = view
            self._output.write(encode_line(view))


async def run(config: Config) -> None:
    """Serve until told to stop."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MOST_LINE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    output, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, sys.stdout)
    async with Engine() as engine:
        cluster = RemoteCluster()
        activator = Activator(config, engine, cluster, cluster, cluster)
        _stop_at_signals(activator)
        link = _Link(reader, output, cluster, activator)
        await link.follow_one()  # the ports are in it that must listen before anybody is sent here
        async with asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(link.follow()), tasks.create_task(link.tell_for_ever())]
            await activator.run()
            for task in background:
                task.cancel()


def _stop_at_signals(activator: Activator) -> None:
    """Have the first SIGTERM or SIGINT stop the activator, and the next one cancel this task."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    signalled = False

    def on_signal() -> None:
        nonlocal signalled
        if signalled and task is not None:
            task.cancel()
        signalled = True
        activator.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)


def main() -> int:
    """Run until stopped; return the exit code."""
    return exit_code_of(_run)


def _run() -> int:
    config = Config.from_env(os.environ)
    logs.configure("activator")
    open_files.raise_limit()
    try:
        uvloop.run(run(config))
    except asyncio.CancelledError:
        return _EXIT_KILLED
    return 0


if __name__ == "__main__":
    sys.exit(main())
