"""Takes the decisions of a trace again, with this autoscaler's windows and decider.

Second *i* happens at *i* + 0.5. The ready pods are the trace's own, not those that our decisions
would have brought, so that one difference does not lead to others.
"""

from collections.abc import Iterator
from typing import NamedTuple

from autoscaler.core.decider import Reading, decide, initial_state
from autoscaler.core.window import Windows, panic_window_s
from inflight.replay.core.trace import RecordedTick, Trace, Verdict

_NO_DATA = Verdict(stable=0.0, panic=0.0, desired=0, excess_burst_capacity=0, valid=False)


class ReplayedTick(NamedTuple):
    """One tick, decided twice."""

    trace: str
    theirs: RecordedTick
    ours: Verdict

    @property
    def differs(self) -> bool:
        """Whether the two decisions are not the same."""
        return not self.ours.agrees_with(self.theirs)


def replay(trace: Trace) -> Iterator[ReplayedTick]:
    """Yield every tick of `trace`, decided again."""
    spec = trace.spec
    state = initial_state(spec.initial_ready, 0.0)
    panic_s = panic_window_s(spec.stable_window_s, spec.panic_window_percentage)
    windows = Windows(spec.aggregation, spec.stable_window_s, panic_s)
    tick_at = {tick.t: tick for tick in trace.ticks}
    for second, load in enumerate(trace.load):
        now = second + 0.5
        if load is not None:
            windows.record(second, load)
        tick = tick_at.get(second)
        if tick is None:
            continue
        ours = _NO_DATA
        if not windows.is_empty(second):
            reading = Reading(windows.stable_average(second), windows.panic_average(second))
            decision, state = decide(spec, state, reading, tick.ready, now)
            ours = Verdict(
                stable=reading.stable,
                panic=reading.panic,
                desired=decision.desired_pods,
                excess_burst_capacity=decision.excess_burst_capacity,
                valid=True,
            )
        yield ReplayedTick(trace.name, tick, ours)
