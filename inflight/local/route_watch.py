"""Follows the files that the routes stand in, while everything runs."""

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from inflight.local.event import Event, Report
from inflight.local.local_cluster import LocalCluster
from inflight.local.route_file import read_route_files
from servingkit.config import Problem
from servingkit.core.revision import RevisionId

_LOOK_EVERY_S = 0.25


class _Stamp(NamedTuple):
    """By this a file's change is noticed; None: the file is not there."""

    modified_ns: int
    size: int
    inode: int


class RouteWatch:
    """Reads changed files again; routes that cannot be used leave the last good ones in force.

    Revisions are read at the start only.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        revisions: Collection[RevisionId],
        cluster: LocalCluster,
        report: Report,
    ) -> None:
        self._paths = paths
        self._revisions = revisions
        self._cluster = cluster
        self._report = report

    def __repr__(self) -> str:
        return f"<RouteWatch {[str(path) for path in self._paths]}>"

    async def run(self) -> None:
        """Follow the files until cancelled."""
        before = self._stamps()
        read: list[_Stamp | None] | None = None  # they may have changed since the start
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            now = self._stamps()
            if now != read and now == before:  # whoever writes has come to an end
                read = now
                self._read_again()
            before = now

    def _read_again(self) -> None:
        problems: list[Problem] = []
        files = read_route_files(self._paths, self._revisions, problems)
        if files.routes and not self._cluster.has_gateway:
            expected = "to be there at the start, when the gateway's port is opened"
            problems.append(Problem("routes", f"{len(files.routes)} routes", expected))
        if problems:
            self._report(
                Event(
                    name="routes refused",
                    sentence="the routes cannot be used; the last good ones stay",
                    facts={"problems": len(problems)},
                    last_lines=tuple(map(str, problems)),
                )
            )
        elif files.routes != self._cluster.routes():
            self._cluster.set_routes(files.routes)
            self._report(
                Event(
                    name="routes changed",
                    sentence=f"{len(files.routes)} routes are in force",
                    facts={"routes": len(files.routes)},
                )
            )

    def _stamps(self) -> list[_Stamp | None]:
        return [_stamp(path) for path in self._paths]


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return _Stamp(status.st_mtime_ns, status.st_size, status.st_ino)
