"""Has SIGTERM end a program in order; the counterpart for Ctrl-C is the same."""

import asyncio
import logging
import signal
from typing import Final

_log = logging.getLogger(__name__)

_NUMBERS: Final = (signal.SIGTERM, signal.SIGINT)


def stop_at_signals() -> asyncio.Event:
    """Return an event that the first SIGTERM or SIGINT sets; the next one ends the process."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()

    def stop() -> None:
        _log.info("stopping")
        stopping.set()
        for number in _NUMBERS:
            loop.remove_signal_handler(number)

    for number in _NUMBERS:
        loop.add_signal_handler(number, stop)
    return stopping
