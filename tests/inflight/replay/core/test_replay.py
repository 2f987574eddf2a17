"""Replays of load on which Knative's own code took the decisions (see ../data/README.md)."""

from dataclasses import replace
from pathlib import Path

import pytest

from inflight.replay.core.replay import replay
from inflight.replay.core.trace import Trace
from inflight.replay.trace_file import read_traces

TRACES = read_traces(Path(__file__).parents[1] / "data" / "kpa_traces.json")


@pytest.mark.parametrize("trace", [pytest.param(trace, id=trace.name) for trace in TRACES])
def test_every_tick_is_decided_as_knative_decided_it(trace: Trace) -> None:
    ticks = list(replay(trace))
    assert len(ticks) == len(trace.ticks)
    assert [
        f"{tick.theirs.t}: {tick.ours}, not {tick.theirs}" for tick in ticks if tick.differs
    ] == []


@pytest.mark.parametrize(
    "change",
    [
        {"stable": 1.0},
        {"panic": 1.0},
        {"desired": 77},
        {"excess_burst_capacity": 1},
        {"valid": False},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_decision_is_found(change: dict[str, float]) -> None:
    trace = TRACES[0]
    changed = replace(trace.ticks[3], **change)  # type: ignore[arg-type]
    ticks = (*trace.ticks[:3], changed, *trace.ticks[4:])
    found = [tick for tick in replay(replace(trace, ticks=ticks)) if tick.differs]
    assert [(tick.trace, tick.theirs) for tick in found] == [(trace.name, changed)]
