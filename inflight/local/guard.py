"""The guard: a small process that outlives a killed `inflight local` and ends its pods.

`inflight local` holds the other end of this process's standard input and writes a line for each
process group that it starts (`+123`) and has seen the end of (`-123`). When it dies in any way,
even by SIGKILL, the kernel closes the pipe: the guard then ends every group that is left, and every
process that carries the mark of this run in its environment. The mark finds what was started in the
last microsecond before the kill, and what has left its group; where there is no /proc, the groups
must do. Counterpart: `inflight.local.guard_link`.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

MARK = "INFLIGHT_LOCAL_RUN"
"""Environment variable of every process of a run; its value tells one run from another."""

_TERM_S = 1.0
_KILL_S = 5.0
_POLL_S = 0.02


def remaining_groups(lines: Iterable[str]) -> set[int]:
    """Return the process groups that were announced and not taken back when `lines` ended."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    return groups


def end(groups: set[int], mark: str) -> None:
    """Ask all groups and marked processes to end, then kill what has not."""
    _signal(groups, mark, signal.SIGTERM)
    deadline = time.monotonic() + _TERM_S
    while _signal(groups, mark, 0) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    deadline = time.monotonic() + _KILL_S
    while _signal(groups, mark, signal.SIGKILL) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def _signal(groups: set[int], mark: str, number: int) -> bool:
    """Send a signal (0: none, only look); tell whether any process was there to get it."""
    found = False
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
            found = True
    for process in _marked_processes(f"{MARK}={mark}".encode()):
        with suppress(ProcessLookupError):
            os.kill(process, number)
            found = True
    return found


def _marked_processes(setting: bytes) -> Iterator[int]:
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # gone meanwhile, or another user's
            if setting in environment.read_bytes().split(b"\0"):
                yield int(environment.parent.name)


def main() -> None:
    """Wait for the end of standard input, then end what is left. The argument is the mark."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    end(remaining_groups(sys.stdin), sys.argv[1])


if __name__ == "__main__":
    main()
