"""The event loop of all asynchronous tests."""

from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping

import uvloop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """Run the tests on the loop that the programs use."""
    return {"uvloop": uvloop.new_event_loop}
