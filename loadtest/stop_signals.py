"""Runs that SIGTERM, or a terminal that closes, stops in order, as Ctrl-C does."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Final, TypeVar

EXIT_STOPPED: Final = 130
"""What a shell reports for a program that Ctrl-C has ended."""

Outcome = TypeVar("Outcome")


async def until_stopped(work: Coroutine[None, None, Outcome]) -> Outcome:
    """Do the work; the signals cancel it. Raises CancelledError then."""
    task = asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await work
