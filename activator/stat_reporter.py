"""Tells the autoscalers of the load: a frame each second, and at once what cannot wait.

That is the first request of an idle revision, which wakes it, and held requests whose number has
doubled. A frame goes out each second even when there is nothing to say, so that an autoscaler can
tell an idle activator from one that it cannot hear. What is told early, and what is taken off the
next report for it, is `core.load_ledger`'s.
"""

import asyncio
from typing import Final

from activator.autoscaler_links import AutoscalerLinks
from activator.core.load_ledger import LoadLedger
from servingkit.clock import monotonic
from servingkit.core.revision import RevisionId

REPORT_PERIOD_S: Final = 1.0


class StatReporter:
    """Counts requests by revision, and keeps the autoscalers informed."""

    def __init__(self, url: str, name: str) -> None:
        """Report to all websockets that `url` stands for, signed with `name`."""
        self._ledger = LoadLedger()
        self._links = AutoscalerLinks(url, name, self._ledger)

    def __repr__(self) -> str:
        return f"<StatReporter {self._links!r}, {self._ledger!r}>"

    @property
    def connected(self) -> bool:
        """Whether any autoscaler hears us."""
        return self._links.connected > 0

    @property
    def connection_errors(self) -> int:
        """How many connections to autoscalers failed or were lost."""
        return self._links.connection_errors

    @property
    def total_concurrency(self) -> int:
        """How many requests are in flight, held ones included."""
        return self._ledger.total_concurrency

    def concurrency(self, revision: RevisionId) -> int:
        """Return how many requests of a revision are in flight, held ones included."""
        return self._ledger.concurrency(revision)

    def request_arrived(self, revision: RevisionId, now: float) -> bool:
        """Count a request in; the first one of an idle revision is told at once: True."""
        woken = self._ledger.request_arrived(revision, now)
        if woken:
            self._tell_early(revision)
        return woken

    def request_waits(self, revision: RevisionId) -> None:
        """Note that a request has to wait; load that has doubled meanwhile is told at once."""
        if self._ledger.request_waits(revision):
            self._tell_early(revision)

    def pods_are_missing(self, revision: RevisionId) -> None:
        """Tell at once that requests wait for a revision that had pods a moment ago."""
        self._tell_early(revision, anew=True)

    def request_left(self, revision: RevisionId, now: float) -> None:
        """Count a request out."""
        self._ledger.request_left(revision, now)

    async def run(self) -> None:
        """Report until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._report_each_second())
            tasks.create_task(self._links.run())

    def _tell_early(self, revision: RevisionId, *, anew: bool = False) -> None:
        for link in self._links:
            link.tell_early(revision, anew=anew)

    async def _report_each_second(self) -> None:
        due_at = monotonic()
        while True:
            due_at = max(due_at + REPORT_PERIOD_S, monotonic())
            await asyncio.sleep(due_at - monotonic())
            number = self._ledger.period_number
            periods = self._ledger.end_period(monotonic())
            for link in self._links:
                link.tell_period(periods, number)
