"""One run: requests, pods and the autoscaler on one agenda.

A request takes a free slot, or waits for one in the activator's queue, first in, first out, or is
refused when as many wait as may. A pod that is asked for is ready after its start time. The
activator reports each second, the autoscaler decides each two seconds, and at once when a request
wakes a revision without pods.

Worked example: fixed service time 1 s, container concurrency 1, one pod, requests at 0.0, 0.2 and
0.4: they are answered at 1, 2 and 3; their latencies are 1.0, 1.8 and 2.6 s.
"""

from collections import deque
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import NamedTuple

from autoscaler.core.decider import TICK_S
from autoscaler.core.settings import ScalingSettings
from inflight.simulate.core.agenda import Agenda
from inflight.simulate.core.clients import Clients, Strangers, Users
from inflight.simulate.core.load import Load, LoadKind
from inflight.simulate.core.outcome import Outcome
from inflight.simulate.core.pod_set import PodSet, SimulatedPod
from inflight.simulate.core.recorder import Recorder
from inflight.simulate.core.scaling import Scaling
from inflight.simulate.core.service_time import ServiceTime, Uniform
from servingkit.core.revision import PodState

_REPORT_PERIOD_S = 1.0
_FIRST_TICK_S = 0.5
"""Ticks fall between reports, as they do on average."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What a model server is like, and how much may wait for it."""

    service_time: ServiceTime
    pod_start_s: float
    """From asking for a pod until it is ready."""

    queue_limit: int
    """Requests that may wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is simulated, but for the load."""

    model: Model
    scaling: ScalingSettings
    container_concurrency: int
    """Requests one pod may run at once. 0: no limit."""

    begin_wall_s: float
    """What the clock on the wall says at second 0: seconds since 1970 (UTC), for schedules."""


class Chance(NamedTuple):
    """Random numbers, apart for arrivals and service times.

    So the n-th request is the same under all settings, and a difference is theirs and not chance's.
    """

    arrivals: Uniform
    service_times: Uniform


class _Waiter(NamedTuple):
    arrived_at: float
    service_s: float


def simulate(scenario: Scenario, load: Load, chance: Chance) -> Outcome:
    """Run the load to its end, in whole seconds; the first pods are asked for at 0."""
    return _Simulation(scenario, load, chance).run()


class _Simulation:
    def __init__(self, scenario: Scenario, load: Load, chance: Chance) -> None:
        self._scenario = scenario
        self._duration_s = ceil(load.duration_s)
        self._agenda = Agenda()
        self._pods = PodSet(scenario.container_concurrency)
        self._scaling = Scaling(
            scenario.scaling, scenario.container_concurrency, scenario.begin_wall_s
        )
        self._recorder = Recorder()
        self._queue: deque[_Waiter] = deque()
        self._next_service_s = scenario.model.service_time.draws(chance.service_times)
        self._next_tick_at = _FIRST_TICK_S
        self._clients = self._gather(load, chance)

    def __repr__(self) -> str:
        return f"<_Simulation {self._agenda!r}, {len(self._queue)} waiting, {self._pods!r}>"

    def run(self) -> Outcome:
        settings = self._scenario.scaling
        self._set_scale(max(settings.initial_scale, settings.min_scale))
        self._agenda.at(self._next_tick_at, self._tick)
        self._agenda.at(_REPORT_PERIOD_S, self._report)
        self._clients.begin()
        self._agenda.run_until(self._duration_s)
        self._recorder.close_second(self._pods, self._scaling, self._agenda.now)
        return self._recorder.outcome(self._pods, self._agenda.now)

    def _gather(self, load: Load, chance: Chance) -> Clients:
        match load.kind:
            case LoadKind.ARRIVALS:
                return Strangers(load, self._agenda, self._arrive, chance.arrivals)
            case LoadKind.CONCURRENCY:
                return Users(load, self._agenda, self._arrive)

    # --- requests -------------------------------------------------------------------------------

    def _arrive(self) -> None:
        now = self._agenda.now
        self._recorder.arrived(now)
        if self._scaling.request_arrived(now):
            self._decide()
        service_s = self._next_service_s()
        # Nobody waits while a slot is free, so that this overtakes nobody.
        pod = self._pods.take_slot()
        if pod is not None:
            self._serve(now, service_s, pod)
        elif len(self._queue) < self._scenario.model.queue_limit:
            self._queue.append(_Waiter(now, service_s))
            self._recorder.waits(now)
        else:
            self._scaling.request_left(now)
            self._recorder.refused(now)
            self._clients.refused()

    def _serve(self, arrived_at: float, service_s: float, pod: SimulatedPod) -> None:
        now = self._agenda.now
        self._scaling.request_started(now)
        self._agenda.at(now + service_s, partial(self._answered, arrived_at, pod))

    def _answered(self, arrived_at: float, pod: SimulatedPod) -> None:
        now = self._agenda.now
        self._scaling.request_finished(now)
        self._scaling.request_left(now)
        self._recorder.answered(arrived_at, now)
        self._pods.free_slot(pod, now)
        if self._queue:
            self._grant_slots()
        self._clients.answered()

    def _grant_slots(self) -> None:
        now = self._agenda.now
        while self._queue:
            pod = self._pods.take_slot()
            if pod is None:
                return
            waiter = self._queue.popleft()
            self._recorder.waits_no_more(waiter.arrived_at, now)
            self._serve(waiter.arrived_at, waiter.service_s, pod)

    # --- the autoscaler -------------------------------------------------------------------------

    def _report(self) -> None:
        now = self._agenda.now
        self._scaling.report(now)
        self._recorder.close_second(self._pods, self._scaling, now)
        self._agenda.at(now + _REPORT_PERIOD_S, self._report)

    def _tick(self) -> None:
        # A decision taken at once has put the next tick off.
        if self._agenda.now == self._next_tick_at:
            self._decide()

    def _decide(self) -> None:
        now = self._agenda.now
        count = self._pods.count()
        ready_pods = count[PodState.READY]
        replicas = ready_pods + count[PodState.STARTING]
        self._set_scale(self._scaling.decide(replicas, ready_pods, now).desired_pods)
        self._next_tick_at = now + TICK_S
        self._agenda.at(self._next_tick_at, self._tick)

    # --- pods -----------------------------------------------------------------------------------

    def _set_scale(self, replicas: int) -> None:
        ready_at = self._agenda.now + self._scenario.model.pod_start_s
        for pod in self._pods.scale_to(replicas, self._agenda.now):
            self._agenda.at(ready_at, partial(self._pod_ready, pod))

    def _pod_ready(self, pod: SimulatedPod) -> None:
        self._pods.make_ready(pod)
        self._grant_slots()
