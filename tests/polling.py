"""Waiting in tests: poll with a deadline."""

import asyncio
from collections.abc import Callable
from pathlib import Path


async def until(condition: Callable[[], object], within_s: float = 10.0) -> None:
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
