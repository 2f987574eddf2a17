"""What this activator tells the autoscalers of each revision's load.

A revision appears here with its first request and disappears after a period in which nothing was
in flight. Held time counts: a request is in flight from its arrival to its end.

Some load is told *early*, within a period: the first request of an idle revision (the poke that
wakes it), what requests wait when their number has doubled since it was last told, and all that is
in flight when a connection to an autoscaler is made. Early numbers are what has not been told yet
in this period, and they are taken off the next regular report, so that everything counts once. What
was told early is kept for each autoscaler (`Told`): they do not all hear the same.

Worked example (Knative's activator does the same): requests arrive at 0 and at 0, and end at 1 and
at 2; reports are due at 2. The first arrival reports (concurrency 1, count 1) at once; the report
at 2 has an average of 1.5 and two arrivals, less what was told: (0.5, 1).

Periods are numbered from 1, and a stat has the number of its period as `timestamp_s`, told early or
not, so that an autoscaler can count both for the same second.
"""

from collections.abc import Iterator, Mapping

from servingkit.core.request_stats import RequestStats, RequestStatsReport
from servingkit.core.revision import RevisionId
from servingkit.core.stat import Stat


class _Load:
    __slots__ = ("stats", "told_concurrency")

    def __init__(self, now: float) -> None:
        self.stats = RequestStats(now)
        self.told_concurrency = 1


class LoadLedger:
    """Counts requests in flight by revision."""

    __slots__ = ("_loads", "period_number")

    def __init__(self) -> None:
        self.period_number = 1
        """Of the present period."""
        self._loads: dict[RevisionId, _Load] = {}

    def __repr__(self) -> str:
        return f"<LoadLedger {len(self._loads)} revisions>"

    def __iter__(self) -> Iterator[RevisionId]:
        return iter(self._loads)

    def concurrency(self, revision: RevisionId) -> int:
        """Return how many requests are in flight, held ones included."""
        load = self._loads.get(revision)
        return load.stats.concurrency if load is not None else 0

    def request_count(self, revision: RevisionId) -> int:
        """Return how many requests arrived in the present period."""
        load = self._loads.get(revision)
        return load.stats.request_count if load is not None else 0

    @property
    def total_concurrency(self) -> int:
        """How many requests are in flight in all."""
        return sum(load.stats.concurrency for load in self._loads.values())

    def request_arrived(self, revision: RevisionId, now: float) -> bool:
        """Count a request in; True when the revision was idle, which is to be told at once."""
        load = self._loads.get(revision)
        woken = load is None
        if load is None:
            load = self._loads[revision] = _Load(now)
        load.stats.request_arrived(now)
        return woken

    def request_waits(self, revision: RevisionId) -> bool:
        """Note that a request has to wait; True when the load has doubled since it was told."""
        load = self._loads[revision]
        concurrency = load.stats.concurrency
        if concurrency < 2 * load.told_concurrency:
            return False
        load.told_concurrency = concurrency
        return True

    def request_left(self, revision: RevisionId, now: float) -> None:
        """Count a request out."""
        self._loads[revision].stats.request_left(now)

    def end_period(self, now: float) -> dict[RevisionId, RequestStatsReport]:
        """Return each revision's averages since the last call, and forget the idle ones."""
        periods = {}
        self.period_number += 1
        for revision, load in tuple(self._loads.items()):
            period = periods[revision] = load.stats.report(now)
            load.told_concurrency = max(load.stats.concurrency, 1)
            if period.average_concurrency == 0.0 and load.stats.concurrency == 0:
                del self._loads[revision]
        return periods


class Told:
    """What one autoscaler was told early in the present period; `name` signs the stats."""

    __slots__ = ("_early", "_ledger", "_name")

    def __init__(self, ledger: LoadLedger, name: str) -> None:
        self._ledger = ledger
        self._name = name
        self._early: dict[RevisionId, tuple[int, int]] = {}

    def __repr__(self) -> str:
        return f"<Told {self._name}: {len(self._early)} revisions early>"

    def tell_early(self, revision: RevisionId, *, anew: bool = False) -> Stat:
        """Return the load of a revision that has not been told in this period.

        `anew`: tell what is in flight as if it had not been told, for a revision that has lost its
        pods since; that second is then counted too high rather than a held request forgotten.
        """
        told_concurrency, told_count = self._early.get(revision, (0, 0))
        concurrency = self._ledger.concurrency(revision)
        untold = concurrency if anew else max(concurrency - told_concurrency, 0)
        count = max(self._ledger.request_count(revision), told_count)
        self._early[revision] = (told_concurrency + untold, count)
        return Stat(
            pod_name=self._name,
            average_concurrent_requests=float(untold),
            request_count=float(count - told_count),
            timestamp_s=self._ledger.period_number,
        )

    def tell_all(self) -> dict[RevisionId, Stat]:
        """Return what is in flight and not told: a new connection may know nothing of it."""
        return {revision: self.tell_early(revision) for revision in self._ledger}

    def report(
        self, periods: Mapping[RevisionId, RequestStatsReport], number: int
    ) -> dict[RevisionId, Stat]:
        """Return the stats of period `number`, which ended, less what was told early in it."""
        early, self._early = self._early, {}
        stats = {}
        for revision, period in periods.items():
            concurrency, count = early.get(revision, (0, 0))
            stats[revision] = Stat(
                pod_name=self._name,
                # What was told early is a whole request, the average may be less than that.
                average_concurrent_requests=max(period.average_concurrency - concurrency, 0.0),
                request_count=period.request_count - count,
                timestamp_s=number,
            )
        return stats
