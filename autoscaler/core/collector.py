"""One revision's load as its pods and the activators report it, over the decider's windows.

Load that came through an activator is reported twice, by the activator and (as its proxied part) by
the pod, so a pod counts only without that part. All reports of one second are added up.

Reports of one second come one after the other, pods' and activators' at different moments of it. A
second that is still running would look emptier than it is, so it is kept apart until it is over;
averages are taken over whole seconds. Only when those hold no load at all is the running second
looked at: the first request after a silence must be seen at once.

Sample: a pod with 5 requests in flight on average, 4 of them proxied, and an activator with 6 (it
also holds 2 that no pod has yet) make (5 - 4) + 6 = 7.
"""

import math
from typing import NamedTuple

from autoscaler.core.decider import Reading
from autoscaler.core.settings import Metric, ScalingSettings
from autoscaler.core.window import Aggregation, new_window
from servingkit.core.stat import Stat


class SecondOfLoad(NamedTuple):
    """What was reported for one whole second."""

    concurrency: float
    requests_per_second: float


class RunningSecond(NamedTuple):
    """What was reported so far for the latest second."""

    second: int
    load: SecondOfLoad


class MetricWindows:
    """The stable and the panic window of one metric."""

    __slots__ = ("panic", "stable")

    def __init__(self, settings: ScalingSettings) -> None:
        self.stable = new_window(settings.aggregation, settings.stable_window_s)
        self.panic = new_window(settings.aggregation, settings.panic_window_s)

    def __repr__(self) -> str:
        return f"<MetricWindows {self.stable!r} {self.panic!r}>"

    def record(self, now: float, value: float) -> None:
        """Add `value` to the second of `now` in both windows."""
        self.stable.record(now, value)
        self.panic.record(now, value)

    def resize(self, settings: ScalingSettings) -> None:
        """Take over new lengths; the newest seconds are kept."""
        self.stable.resize(settings.stable_window_s)
        self.panic.resize(settings.panic_window_s)


class Collector:
    """Adds up reports second by second; knows when each pod was last heard."""

    __slots__ = ("_aggregation", "_running", "_windows", "pods_heard_at")

    def __init__(self, settings: ScalingSettings) -> None:
        self._aggregation: Aggregation = settings.aggregation
        self._windows = {metric: MetricWindows(settings) for metric in Metric}
        self._running: RunningSecond | None = None
        self.pods_heard_at: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"<Collector {self._windows!r}, {len(self.pods_heard_at)} pods heard>"

    def configure(self, settings: ScalingSettings) -> None:
        """Take over new window lengths; another aggregation starts with empty windows."""
        if settings.aggregation is not self._aggregation:
            self._aggregation = settings.aggregation
            self._windows = {metric: MetricWindows(settings) for metric in Metric}
            self._running = None
        for windows in self._windows.values():
            windows.resize(settings)

    def record_pod(self, stat: Stat, *, asked_at: float, heard_at: float, weight: float) -> None:
        """Add a pod's report to the second in which it was asked.

        `weight` is the number of ready pods that it speaks for: 1, or more in a sample.
        """
        self.pods_heard_at[stat.pod_name] = heard_at
        concurrency = stat.average_concurrent_requests - stat.average_proxied_concurrent_requests
        requests = stat.request_count - stat.proxied_request_count
        self._record(asked_at, concurrency * weight, requests * weight)

    def record_activator(self, stat: Stat, now: float) -> None:
        """Add an activator's report for this revision."""
        self._record(now, stat.average_concurrent_requests, stat.request_count)

    def forget_pods(self, present: frozenset[str]) -> None:
        """Drop the names of pods that are gone."""
        for name in self.pods_heard_at.keys() - present:
            del self.pods_heard_at[name]

    def is_empty(self, now: float) -> bool:
        """Tell whether nothing was recorded for longer than the stable window."""
        self._close_second(now)
        return self._running is None and self._windows[Metric.CONCURRENCY].stable.is_empty(now)

    def reading(self, metric: Metric, now: float) -> Reading:
        """Return the averages at `now`; zeros when the windows are empty."""
        self._close_second(now)
        windows = self._windows[metric]
        last_whole = now - 1
        if windows.panic.average(last_whole) > 0 or self._running is None:
            return Reading(windows.stable.average(last_whole), windows.panic.average(last_whole))
        self._keep_running_second()
        return Reading(windows.stable.average(now), windows.panic.average(now))

    def last_second(self, now: float) -> SecondOfLoad | None:
        """Return the sums over the last full second; None when nothing was recorded since."""
        self._close_second(now)
        second = math.floor(now) - 1
        concurrency = self._windows[Metric.CONCURRENCY].stable.value_at(second)
        requests = self._windows[Metric.RPS].stable.value_at(second)
        if concurrency is None or requests is None:
            return None
        return SecondOfLoad(concurrency, requests)

    def _record(self, at: float, concurrency: float, requests: float) -> None:
        self._close_second(at)
        second, running = math.floor(at), self._running
        if running is None:
            self._running = RunningSecond(second, SecondOfLoad(concurrency, requests))
        elif second == running.second:
            load = running.load
            total = SecondOfLoad(
                load.concurrency + concurrency, load.requests_per_second + requests
            )
            self._running = RunningSecond(second, total)
        else:  # a late report
            self._keep(second, SecondOfLoad(concurrency, requests))

    def _close_second(self, now: float) -> None:
        if self._running is not None and self._running.second < math.floor(now):
            self._keep_running_second()

    def _keep_running_second(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            self._keep(*running)

    def _keep(self, second: int, load: SecondOfLoad) -> None:
        self._windows[Metric.CONCURRENCY].record(second, load.concurrency)
        self._windows[Metric.RPS].record(second, load.requests_per_second)
