"""What all tests stand on: the event loop, signals as a terminal has them, a word on reruns."""

import signal
from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping

import pytest
import uvloop
from hypothesis import HealthCheck, settings

# How long an example takes says more of the machine than of the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """Run the tests on the loop that the programs use."""
    return {"uvloop": uvloop.new_event_loop}


def pytest_configure(config: pytest.Config) -> None:
    """Let programs under test hear SIGINT, also when a shell started pytest in the background.

    Such a shell has its children ignore SIGINT, and theirs inherit it.
    """
    del config
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tests that failed and passed when run again, which is no failure of the run."""
    stats = terminalreporter.stats
    failed = {report.nodeid for kind in ("failed", "error") for report in stats.get(kind, ())}
    again = {report.nodeid for report in stats.get("rerun", ())} - failed
    if again:
        terminalreporter.section("passed only when run again", yellow=True, bold=True)
        for name in sorted(again):
            terminalreporter.write_line(f"passed only when run again: {name}", yellow=True)
