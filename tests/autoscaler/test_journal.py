import asyncio
import logging

import pytest

from autoscaler.journal import Journal
from tests.autoscaler.tracked import IRIS
from tests.polling import until


@pytest.mark.asyncio
async def test_an_event_is_logged_kept_and_wakes_who_waits(
    caplog: pytest.LogCaptureFixture,
) -> None:
    journal = Journal()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(journal.wait_after(0))
        await asyncio.sleep(0)
        journal.note("reports missing", IRIS, "because", level=logging.WARNING, silent="pod-1")
        await waiting
    (event,) = journal.after(0).events
    assert (event.number, event.name, event.facts) == (1, "reports missing", {"silent": "pod-1"})
    assert caplog.records[0].__dict__["revision"] == "default/iris"
    assert repr(journal) == "<Journal <EventRing 1 of 1 events>>"


@pytest.mark.asyncio
async def test_closing_ends_the_waiting() -> None:
    journal = Journal()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(journal.wait_after(0))
        await asyncio.sleep(0)
        assert not waiting.done()
        journal.close()
        await until(waiting.done)


def test_two_processes_have_different_names() -> None:
    assert Journal().process != Journal().process
