"""The autoscaler inside the simulation: Inflight's own windows, decider and bounds.

The activator's own ledger counts the requests, and tells of the first one of an idle revision at
once. Reports are always complete: nothing is held for missing data here.
"""

from typing import Final

from activator.core.load_ledger import LoadLedger, Told
from autoscaler.core.bounds import Observed
from autoscaler.core.collector import Collector
from autoscaler.core.coverage import Sources
from autoscaler.core.load import read_load
from autoscaler.core.reason import explain
from autoscaler.core.report_clock import ReportClock
from autoscaler.core.scaler import Observation, Plan, ScalerState, initial_state, plan
from autoscaler.core.settings import ScalingSettings, decider_spec
from servingkit.core.request_stats import RequestStats
from servingkit.core.revision import Mode, RevisionId
from servingkit.core.stat import Stat

_REVISION: Final = RevisionId("default", "simulated")
_COMPLETE: Final = Sources(ready_pods=(), pods_heard_at={}, activators=(), activators_heard_at={})
"""Nobody who must report is silent."""


class Scaling:
    """One revision's load as reported, and the plan for it."""

    def __init__(
        self, settings: ScalingSettings, container_concurrency: int, begin_wall_s: float
    ) -> None:
        """`begin_wall_s` is what the clock on the wall says at 0, seconds since 1970 (UTC)."""
        self._begin_wall_s = begin_wall_s
        self.plan: Plan | None = None
        """The latest plan. None: not decided yet."""

        self.reason = "not decided yet"
        self._settings = settings
        self._spec = decider_spec(settings, container_concurrency)
        self._ledger = LoadLedger()
        self._told = Told(self._ledger, "activator")
        self._report_clock = ReportClock()
        self._collector = Collector(settings)
        self._pods = RequestStats(0.0) if settings.additions.credit_starting_pods else None
        """What the pods' sidecars report. None: nobody asks for it."""

        self._state: ScalerState | None = None
        self._proxied_since: float | None = None

    def __repr__(self) -> str:
        return f"<Scaling {self.reason}>"

    def request_arrived(self, now: float) -> bool:
        """Count a request in; tell whether it wakes a revision that has no pods, or soon none."""
        if not self._ledger.request_arrived(_REVISION, now):
            return False
        self._record(self._told.tell_early(_REVISION), now)
        return self.plan is not None and self.plan.desired_pods == 0

    def request_left(self, now: float) -> None:
        """Count a request out."""
        self._ledger.request_left(_REVISION, now)

    def request_started(self, now: float) -> None:
        """Count a request into a pod."""
        if self._pods is not None:
            self._pods.request_arrived(now)

    def request_finished(self, now: float) -> None:
        """Count a request out of its pod."""
        if self._pods is not None:
            self._pods.request_left(now)

    def report(self, now: float) -> None:
        """Let the autoscaler hear of the last second."""
        if self._pods is not None:
            self._record_pods(self._pods, now)
        number = self._ledger.period_number
        for stat in self._told.report(self._ledger.end_period(now), number).values():
            self._record(stat, now)

    def decide(self, replicas: int, ready_pods: int, now: float) -> Plan:
        """Return what to ask the cluster for."""
        cluster = Observed(replicas, ready_pods, self._proxied_since)
        load = read_load(self._settings, self._spec, self._collector, None, cluster, now)
        observation = Observation(load, _COMPLETE, cluster, self._begin_wall_s + now)
        state = self._state or initial_state(self._settings, self._spec, cluster, now)
        decided, self._state = plan(self._settings, self._spec, state, observation, now)
        self._move_traffic(decided.mode, now)
        self.reason = explain(self._settings, self._spec, decided, now)
        self.plan = decided
        return decided

    def _record(self, stat: Stat, now: float) -> None:
        second = self._report_clock.second(stat.timestamp_s, now)
        self._collector.record_activator(stat, second)

    def _record_pods(self, pods: RequestStats, now: float) -> None:
        """Report for all pods at once. All that they have came through the activator."""
        load = pods.report(now)
        stat = Stat(
            pod_name="all",
            average_concurrent_requests=load.average_concurrency,
            average_proxied_concurrent_requests=load.average_concurrency,
            request_count=load.request_count,
            proxied_request_count=load.request_count,
        )
        self._collector.record_pod(stat, second=int(now), heard_at=now, weight=1.0)

    def _move_traffic(self, mode: Mode, now: float) -> None:
        if mode is Mode.SERVE:
            self._proxied_since = None
        elif self._proxied_since is None:
            self._proxied_since = now
