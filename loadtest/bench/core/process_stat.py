"""Processes as Linux shows them in /proc/PID/stat (proc(5)), and which of them belong together."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessStat:
    """One process."""

    pid: int
    parent_pid: int

    cpu_ticks: int
    """User and system time, in clock ticks."""

    rss_pages: int


def parse_process_stat(text: str) -> ProcessStat:
    """Return what /proc/PID/stat says. The name, in brackets, may hold spaces and brackets."""
    pid, _, rest = text.partition(" (")
    fields = rest.rpartition(") ")[2].split()
    # proc(5) numbers the fields from 1; the state, field 3, is the first one here.
    return ProcessStat(
        pid=int(pid),
        parent_pid=int(fields[4 - 3]),
        cpu_ticks=int(fields[14 - 3]) + int(fields[15 - 3]),
        rss_pages=int(fields[24 - 3]),
    )


def family(pid: int, processes: Iterable[ProcessStat]) -> list[ProcessStat]:
    """Return the process, its children, and theirs, out of all processes."""
    by_parent: dict[int, list[ProcessStat]] = {}
    members: list[ProcessStat] = []
    for process in processes:
        by_parent.setdefault(process.parent_pid, []).append(process)
        if process.pid == pid:
            members.append(process)
    for member in members:  # grows while it is read
        members += by_parent.get(member.pid, [])
    return members
