"""Replays of load on which Knative's own code took the decisions (see ../data/README.md)."""

from dataclasses import replace
from pathlib import Path

import pytest

from autoscaler.core.window import Aggregation
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


def test_neighbours_in_the_last_decimal_agree_and_others_do_not() -> None:
    # In floating point the first two differ by less than 1e-6, and the others by more.
    tick = TRACES[0].ticks[0]
    for low, high in ((2.208337, 2.208338), (0.000022, 0.000023)):
        assert replace(tick, stable=low).agrees_with(replace(tick, stable=high))
        assert not replace(tick, stable=low).agrees_with(replace(tick, stable=high + 1e-6))


def test_linear_averages_are_those_of_knative_to_the_last_digit() -> None:
    for trace in TRACES:
        if trace.spec.aggregation is not Aggregation.LINEAR:
            continue
        for tick in replay(trace):
            if tick.theirs.valid:
                ours, theirs = tick.ours, tick.theirs
                assert (ours.stable, ours.panic) == (theirs.stable, theirs.panic)
