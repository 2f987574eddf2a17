"""What this activator tells the autoscaler of each revision's load.

A revision appears here with its first request, which is reported at once (the poke that wakes it),
and disappears after a period in which nothing was in flight. What was reported early is taken off
the next regular report, so that it counts once. Held time counts: a request is in flight from its
arrival to its end.

Worked example (Knative's activator does the same): requests arrive at 0 and at 0, and end at 1 and
at 2; reports are due at 2. The first arrival reports (concurrency 1, count 1) at once; the report
at 2 has an average of 1.5 and two arrivals, less what was told: (0.5, 1).

Reports are numbered from 1 in their `timestamp_s`, and what is told early has the number of the
report that it is taken off, so that the autoscaler can count both for the same second.
"""

from servingkit.core.request_stats import RequestStats
from servingkit.core.revision import RevisionId
from servingkit.core.stat import Stat


class _Load:
    __slots__ = ("early_concurrency", "early_count", "stats")

    def __init__(self, now: float) -> None:
        self.stats = RequestStats(now)
        self.early_concurrency = 0
        self.early_count = 0


class LoadLedger:
    """Counts requests in flight by revision; `name` signs the stats."""

    __slots__ = ("_loads", "_name", "_number")

    def __init__(self, name: str) -> None:
        self._name = name
        self._loads: dict[RevisionId, _Load] = {}
        self._number = 1  # of the next report

    def __repr__(self) -> str:
        return f"<LoadLedger {len(self._loads)} revisions>"

    def concurrency(self, revision: RevisionId) -> int:
        """Return how many requests are in flight, held ones included."""
        load = self._loads.get(revision)
        return load.stats.concurrency if load is not None else 0

    @property
    def total_concurrency(self) -> int:
        """How many requests are in flight in all."""
        return sum(load.stats.concurrency for load in self._loads.values())

    def request_arrived(self, revision: RevisionId, now: float) -> Stat | None:
        """Count a request in; return the stat to send at once if the revision was idle."""
        load = self._loads.get(revision)
        if load is not None:
            load.stats.request_arrived(now)
            return None
        load = self._loads[revision] = _Load(now)
        load.stats.request_arrived(now)
        load.early_concurrency = load.early_count = 1
        return Stat(
            pod_name=self._name,
            average_concurrent_requests=1.0,
            request_count=1.0,
            timestamp_s=self._number,
        )

    def request_left(self, revision: RevisionId, now: float) -> None:
        """Count a request out."""
        self._loads[revision].stats.request_left(now)

    def report(self, now: float) -> dict[RevisionId, Stat]:
        """Return each revision's averages since the last report, and forget the idle ones."""
        stats = {}
        for revision, load in tuple(self._loads.items()):
            period = load.stats.report(now)
            stats[revision] = Stat(
                pod_name=self._name,
                # What was told early is a whole request, the average may be less than that.
                average_concurrent_requests=max(
                    period.average_concurrency - load.early_concurrency, 0.0
                ),
                request_count=period.request_count - load.early_count,
                timestamp_s=self._number,
            )
            load.early_concurrency = load.early_count = 0
            if period.average_concurrency == 0.0 and load.stats.concurrency == 0:
                del self._loads[revision]
        self._number += 1
        return stats

    def snapshot(self) -> dict[RevisionId, Stat]:
        """Return what is in flight now, to be sent early: the autoscaler may know nothing of it."""
        stats = {}
        for revision, load in self._loads.items():
            concurrency = load.stats.concurrency
            load.early_concurrency += concurrency
            stats[revision] = Stat(
                pod_name=self._name,
                average_concurrent_requests=float(concurrency),
                timestamp_s=self._number,
            )
        return stats
