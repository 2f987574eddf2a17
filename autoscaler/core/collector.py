"""One revision's load as its pods and the activators report it, over the decider's windows.

Load that came through an activator is reported twice, by the activator and (as its proxied part) by
the pod, so a pod counts only without that part. All reports of one second are added up.

Reports of one second come one after the other, pods' and activators' at different moments of it. A
second that is still running would look emptier than it is, so it stays *open* until it is whole: a
quarter second after its end, for those reports that are a little late. Averages are taken over
whole seconds. Only when those hold no load at all are the open ones looked at: the first request
after a silence must be seen at once.

Sample: a pod with 5 requests in flight on average, 4 of them proxied, and an activator with 6 (it
also holds 2 that no pod has yet) make (5 - 4) + 6 = 7.
"""

import math
from typing import Final, NamedTuple

from autoscaler.core.backlog import PodsLoad, credited
from autoscaler.core.decider import DeciderSpec, Reading
from autoscaler.core.settings import Metric, ScalingSettings
from autoscaler.core.window import Aggregation, new_window
from servingkit.core.stat import Stat

LATE_S: Final = 0.25
"""A second is whole so long after its end."""


class SecondOfLoad(NamedTuple):
    """What was reported for one whole second."""

    concurrency: float
    requests_per_second: float


class OpenSecond:
    """What was reported so far for a second that may still grow."""

    __slots__ = ("concurrency", "requests", "second")

    def __init__(self, second: int) -> None:
        self.second = second
        self.concurrency = 0.0
        self.requests = 0.0

    def __repr__(self) -> str:
        return f"<OpenSecond {self.second}: {self.concurrency:g} in flight>"


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

    def reading(self, now: float) -> Reading:
        """Return the averages of both windows at `now`."""
        return Reading(self.stable.average(now), self.panic.average(now))


class PodsWindows:
    """What the pods have and get, proxied or not; for the credit, which needs to tell them apart.

    The latest answer to how long a pod works on a request is kept through idle times.
    """

    __slots__ = ("_admitted", "_request_time_s", "_running")

    def __init__(self, settings: ScalingSettings) -> None:
        self._running = MetricWindows(settings)
        self._admitted = MetricWindows(settings)
        self._request_time_s: float | None = None

    def __repr__(self) -> str:
        return f"<PodsWindows {self._running!r}, {self._request_time_s} s a request>"

    def record(self, now: float, running: float, admitted: float) -> None:
        """Add what a pod had, and what it got, to the second of `now`."""
        self._running.record(now, running)
        self._admitted.record(now, admitted)

    def resize(self, settings: ScalingSettings) -> None:
        """Take over new lengths."""
        self._running.resize(settings)
        self._admitted.resize(settings)

    def load(self, now: float, arrivals: Reading, asked_pods: int, target_value: float) -> PodsLoad:
        """Return the averages at `now`, and how long a request takes as far as is known."""
        running = self._running.reading(now)
        admitted_per_s = self._admitted.stable.average(now)
        if admitted_per_s > 0:
            self._request_time_s = running.stable / admitted_per_s
        elif running.stable > 0:
            # What runs came before the window.
            self._request_time_s = float(self._running.stable.seconds)
        return PodsLoad(running, arrivals, self._request_time_s, asked_pods, target_value)


class Collector:
    """Adds up reports second by second; knows when each pod was last heard, and what it said."""

    __slots__ = ("_aggregation", "_open", "_pods", "_windows", "pods_concurrency", "pods_heard_at")

    def __init__(self, settings: ScalingSettings) -> None:
        self._aggregation: Aggregation = settings.aggregation
        self._windows = {metric: MetricWindows(settings) for metric in Metric}
        self._open: list[OpenSecond] = []
        self._pods = PodsWindows(settings) if settings.additions.credit_starting_pods else None
        self.pods_heard_at: dict[str, float] = {}
        self.pods_concurrency: dict[str, float] = {}
        """Requests in flight in each pod as it last reported, whichever way they came."""

    def __repr__(self) -> str:
        return f"<Collector {self._windows!r}, {len(self.pods_heard_at)} pods heard>"

    def configure(self, settings: ScalingSettings) -> None:
        """Take over new window lengths; another aggregation starts with empty windows."""
        if settings.aggregation is not self._aggregation:
            self._aggregation = settings.aggregation
            self._windows = {metric: MetricWindows(settings) for metric in Metric}
            self._open = []
        for windows in self._windows.values():
            windows.resize(settings)
        if not settings.additions.credit_starting_pods:
            self._pods = None
        elif self._pods is None:
            self._pods = PodsWindows(settings)
        else:
            self._pods.resize(settings)

    def record_pod(self, stat: Stat, *, second: int, heard_at: float, weight: float) -> None:
        """Add a pod's report to the second for which it was asked.

        `weight` is the number of ready pods that it speaks for: 1, or more in a sample.
        """
        self.pods_heard_at[stat.pod_name] = heard_at
        self.pods_concurrency[stat.pod_name] = stat.average_concurrent_requests
        concurrency = stat.average_concurrent_requests - stat.average_proxied_concurrent_requests
        requests = stat.request_count - stat.proxied_request_count
        self._record(second, concurrency * weight, requests * weight)
        if self._pods is not None:
            running = stat.average_concurrent_requests * weight
            self._pods.record(second, running, stat.request_count * weight)

    def record_activator(self, stat: Stat, second: int) -> None:
        """Add what an activator reports of this revision for one second."""
        self._record(second, stat.average_concurrent_requests, stat.request_count)

    def forget_pods(self, present: frozenset[str]) -> None:
        """Drop the names of pods that are gone."""
        for name in self.pods_heard_at.keys() - present:
            del self.pods_heard_at[name]
            del self.pods_concurrency[name]

    def is_empty(self, now: float) -> bool:
        """Tell whether nothing was recorded for longer than the stable window."""
        self._close(_first_open(now))
        return not self._open and self._windows[Metric.CONCURRENCY].stable.is_empty(now)

    def reading(self, metric: Metric, now: float) -> Reading:
        """Return the averages at `now`; zeros when the windows are empty."""
        first_open = _first_open(now)
        self._close(first_open)
        windows = self._windows[metric]
        last_whole = first_open - 1
        panic = windows.panic.average(last_whole)
        if panic > 0 or not self._open:
            return Reading(windows.stable.average(last_whole), panic)
        last = max(open_second.second for open_second in self._open)
        self._close(last + 1)
        return Reading(windows.stable.average(last), windows.panic.average(last))

    def credited(
        self, in_flight: Reading, spec: DeciderSpec, asked_pods: int, now: float
    ) -> Reading:
        """Return requests in flight with the credit for starting pods, if the settings ask for it.

        What arrives and what the pods have are averaged over the seconds of `in_flight`.
        """
        if self._pods is None:
            return in_flight
        last_whole = _first_open(now) - 1
        arrivals = self._windows[Metric.RPS].reading(last_whole)
        load = self._pods.load(last_whole, arrivals, asked_pods, spec.target_value)
        return credited(in_flight, load, spec.stable_window_s)

    def last_second(self, now: float) -> SecondOfLoad | None:
        """Return the sums over the last whole second; None when nothing was recorded for it."""
        first_open = _first_open(now)
        self._close(first_open)
        second = first_open - 1
        concurrency = self._windows[Metric.CONCURRENCY].stable.value_at(second)
        requests = self._windows[Metric.RPS].stable.value_at(second)
        if concurrency is None or requests is None:
            return None
        return SecondOfLoad(concurrency, requests)

    def last_seconds(self, now: float) -> list[SecondOfLoad | None]:
        """Return the sums over the whole seconds of the stable window, oldest first.

        None: nothing can be known about that second.
        """
        first_open = _first_open(now)
        self._close(first_open)
        concurrency = self._windows[Metric.CONCURRENCY].stable
        requests = self._windows[Metric.RPS].stable
        seconds: list[SecondOfLoad | None] = []
        for second in range(first_open - concurrency.seconds, first_open):
            pair = concurrency.value_at(second), requests.value_at(second)
            known = pair[0] is not None and pair[1] is not None
            seconds.append(SecondOfLoad(pair[0] or 0.0, pair[1] or 0.0) if known else None)
        return seconds

    def _record(self, second: int, concurrency: float, requests: float) -> None:
        for known in self._open:
            if known.second == second:
                break
        else:
            # Most are closed by a reading; this keeps them few while nobody reads.
            self._close(second - 1)
            known = OpenSecond(second)
            self._open.append(known)
        known.concurrency += concurrency
        known.requests += requests

    def _close(self, first_open: int) -> None:
        """Move the seconds before `first_open` into the windows."""
        if all(known.second >= first_open for known in self._open):
            return
        closing = [known for known in self._open if known.second < first_open]
        self._open = [known for known in self._open if known.second >= first_open]
        for known in closing:
            self._windows[Metric.CONCURRENCY].record(known.second, known.concurrency)
            self._windows[Metric.RPS].record(known.second, known.requests)


def _first_open(now: float) -> int:
    """Return the first second that is not whole at `now`."""
    return math.floor(now - LATE_S)
