"""Waiting in tests: poll with a deadline.

A deadline is there to end a test that has failed, and has nothing to say of how fast anything is:
tests run on machines ten times slower than this one, with other work on them.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

PATIENCE_S: Final = 120.0
"""After so long, what a test waits for does not come."""


async def until(condition: Callable[[], object], within_s: float = PATIENCE_S) -> None:
    """Return when the condition holds; fails with a TimeoutError when it does not in time."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 -- nothing announces what other processes do
            await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
