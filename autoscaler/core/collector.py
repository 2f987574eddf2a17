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
from autoscaler.core.window import Windows
from servingkit.core.stat import Stat

LATE_S: Final = 0.25
"""A second is whole so long after its end."""


class SecondOfLoad(NamedTuple):
    """What was reported for one whole second."""

    concurrency: float
    requests_per_second: float


class OpenSecond:
    """What was reported so far for a second that may still grow."""

    __slots__ = ("admitted", "concurrency", "requests", "running", "second")

    def __init__(self, second: int) -> None:
        self.second = second
        self.concurrency = 0.0
        self.requests = 0.0
        self.running = 0.0
        """Requests in the pods, whichever way they came."""

        self.admitted = 0.0
        """Requests that the pods got, a second."""

    def __repr__(self) -> str:
        return f"<OpenSecond {self.second}: {self.concurrency:g} in flight>"


class PodsWindows:
    """What the pods have and get, proxied or not, for the credit.

    The latest answer to how long a pod works on a request is kept through idle times.
    """

    __slots__ = ("_admitted", "_request_time_s", "_running")

    def __init__(self, settings: ScalingSettings) -> None:
        self._running = _windows(settings)
        self._admitted = _windows(settings)
        self._request_time_s: float | None = None

    def __repr__(self) -> str:
        return f"<PodsWindows {self._running!r}, {self._request_time_s} s a request>"

    def record(self, second: int, running: float, admitted: float) -> None:
        """Add what the pods had, and what they got, in a second."""
        self._running.record(second, running)
        self._admitted.record(second, admitted)

    def configure(self, settings: ScalingSettings) -> None:
        """Take over another aggregation and window lengths."""
        _configure(self._running, settings)
        _configure(self._admitted, settings)

    def load(
        self, second: int, arrivals: Reading, asked_pods: int, target_value: float
    ) -> PodsLoad:
        """Return the averages up to `second`, and how long a request takes as far as is known."""
        running = _averages(self._running, second)
        admitted_per_s = self._admitted.stable_average(second)
        if admitted_per_s > 0:
            self._request_time_s = running.stable / admitted_per_s
        elif running.stable > 0:
            # What runs came before the window.
            self._request_time_s = float(self._running.stable_s)
        return PodsLoad(running, arrivals, self._request_time_s, asked_pods, target_value)


class Collector:
    """Adds up reports second by second; knows when each pod was last heard, and what it said."""

    __slots__ = (
        "_concurrency",
        "_open",
        "_pods",
        "_requests",
        "pods_concurrency",
        "pods_heard_at",
    )

    def __init__(self, settings: ScalingSettings) -> None:
        self._concurrency = _windows(settings)
        self._requests = _windows(settings)
        self._open: list[OpenSecond] = []
        self._pods = PodsWindows(settings) if settings.additions.credit_starting_pods else None
        self.pods_heard_at: dict[str, float] = {}
        self.pods_concurrency: dict[str, float] = {}
        """Requests in flight in each pod as it last reported, whichever way they came."""

    def __repr__(self) -> str:
        return f"<Collector {self._concurrency!r}, {len(self.pods_heard_at)} pods heard>"

    def configure(self, settings: ScalingSettings) -> None:
        """Take over another aggregation and window lengths; the load stays."""
        _configure(self._concurrency, settings)
        _configure(self._requests, settings)
        if not settings.additions.credit_starting_pods:
            self._pods = None
        elif self._pods is None:
            self._pods = PodsWindows(settings)
        else:
            self._pods.configure(settings)

    def record_pod(self, stat: Stat, *, second: int, heard_at: float, weight: float) -> None:
        """Add a pod's report to the second for which it was asked.

        `weight` is the number of ready pods that it speaks for: 1, or more in a sample.
        """
        self.pods_heard_at[stat.pod_name] = heard_at
        self.pods_concurrency[stat.pod_name] = stat.average_concurrent_requests
        concurrency = stat.average_concurrent_requests - stat.average_proxied_concurrent_requests
        requests = stat.request_count - stat.proxied_request_count
        counted = self._open_second(second)
        counted.concurrency += concurrency * weight
        counted.requests += requests * weight
        counted.running += stat.average_concurrent_requests * weight
        counted.admitted += stat.request_count * weight

    def record_activator(self, stat: Stat, second: int) -> None:
        """Add what an activator reports of this revision for one second."""
        counted = self._open_second(second)
        counted.concurrency += stat.average_concurrent_requests
        counted.requests += stat.request_count

    def forget_pods(self, present: frozenset[str]) -> None:
        """Drop the names of pods that are gone."""
        for name in self.pods_heard_at.keys() - present:
            del self.pods_heard_at[name]
            del self.pods_concurrency[name]

    def reading(self, metric: Metric, now: float) -> Reading | None:
        """Return the averages at `now`.

        None: nothing was recorded for longer than the stable window.
        """
        first_open = _first_open(now)
        self._close(first_open)
        windows = self._concurrency if metric is Metric.CONCURRENCY else self._requests
        reading = _averages(windows, first_open - 1)
        if reading.panic > 0:
            return reading
        if self._open:
            last = max(open_second.second for open_second in self._open)
            self._close(last + 1)
            return _averages(windows, last)
        return None if windows.is_empty(math.floor(now)) else reading

    def credited(
        self, in_flight: Reading, spec: DeciderSpec, asked_pods: int, now: float
    ) -> Reading:
        """Return requests in flight with the credit for starting pods, if the settings ask for it.

        What arrives and what the pods have are averaged over the seconds of `in_flight`.
        """
        if self._pods is None:
            return in_flight
        last_whole = _first_open(now) - 1
        arrivals = _averages(self._requests, last_whole)
        load = self._pods.load(last_whole, arrivals, asked_pods, spec.target_value)
        return credited(in_flight, load, spec.stable_window_s)

    def last_second(self, now: float) -> SecondOfLoad | None:
        """Return the sums over the last whole second; None when nothing was recorded for it."""
        first_open = _first_open(now)
        self._close(first_open)
        second = first_open - 1
        concurrency = self._concurrency.value_at(second)
        requests = self._requests.value_at(second)
        if concurrency is None or requests is None:
            return None
        return SecondOfLoad(concurrency, requests)

    def last_seconds(self, now: float) -> list[SecondOfLoad | None]:
        """Return the sums over the whole seconds of the stable window, oldest first.

        None: nothing can be known about that second.
        """
        first_open = _first_open(now)
        self._close(first_open)
        concurrency, requests = self._concurrency, self._requests
        seconds: list[SecondOfLoad | None] = []
        for second in range(first_open - concurrency.stable_s, first_open):
            pair = concurrency.value_at(second), requests.value_at(second)
            known = pair[0] is not None and pair[1] is not None
            seconds.append(SecondOfLoad(pair[0] or 0.0, pair[1] or 0.0) if known else None)
        return seconds

    def _open_second(self, second: int) -> OpenSecond:
        for known in self._open:
            if known.second == second:
                return known
        # Most are closed by a reading; this keeps them few while nobody reads.
        self._close(second - 1)
        opened = OpenSecond(second)
        self._open.append(opened)
        return opened

    def _close(self, first_open: int) -> None:
        """Move the seconds before `first_open` into the windows."""
        still_open = []
        for known in self._open:
            if known.second >= first_open:
                still_open.append(known)
                continue
            self._concurrency.record(known.second, known.concurrency)
            self._requests.record(known.second, known.requests)
            if self._pods is not None:
                self._pods.record(known.second, known.running, known.admitted)
        self._open = still_open


def _windows(settings: ScalingSettings) -> Windows:
    return Windows(settings.aggregation, settings.stable_window_s, settings.panic_window_s)


def _configure(windows: Windows, settings: ScalingSettings) -> None:
    windows.configure(settings.aggregation, settings.stable_window_s, settings.panic_window_s)


def _averages(windows: Windows, second: int) -> Reading:
    return Reading(windows.stable_average(second), windows.panic_average(second))


def _first_open(now: float) -> int:
    """Return the first second that is not whole at `now`."""
    return math.floor(now - LATE_S)
