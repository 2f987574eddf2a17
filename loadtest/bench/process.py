"""CPU time and memory of a process and its children, from /proc."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loadtest.bench.core.process_stat import ProcessStat, family, parse_process_stat

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process and its children have used: CPU until now, and memory now."""

    cpu_s: float
    rss_bytes: int


def usage_of(pid: int) -> Usage:
    """Return what the process uses, in steps of 10 ms and of a page."""
    members = family(pid, _processes())
    return Usage(
        cpu_s=sum(member.cpu_ticks for member in members) / _TICKS_PER_SECOND,
        rss_bytes=sum(member.rss_pages for member in members) * _PAGE_BYTES,
    )


def _processes() -> Iterator[ProcessStat]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            yield parse_process_stat(path.read_text(encoding="utf-8", errors="replace"))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
