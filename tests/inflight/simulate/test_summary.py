import re

from inflight.simulate.summary import summarise
from tests.inflight.simulate.scenarios import fixed_pods, run, scenario, users


def test_one_run_is_a_column_of_figures() -> None:
    outcome = run(scenario(scaling=fixed_pods(1)), users((1, 2), (9, 0)))
    rows = (re.split(" {2,}", line.strip()) for line in summarise({"only": outcome}))
    figures = {row[0]: row[1] for row in rows}
    assert figures["requests"] == "2"
    assert figures["latency p50"] == "1.00 s"
    assert figures["latency p99"] == "2.00 s"
    assert figures["pod-seconds"] == "10"
    assert "only" not in figures


def test_two_runs_stand_side_by_side_under_their_names() -> None:
    few, many = (run(scenario(scaling=fixed_pods(pods)), users((9, 2))) for pods in (1, 2))
    head, *rows = summarise({"few": few, "many": many})
    assert head.split() == ["few", "many"]
    assert next(row for row in rows if row.startswith("pod-seconds")).split()[1:] == ["9", "18"]
    assert len({len(row) for row in rows}) == 1


def test_run_without_requests_has_no_latency() -> None:
    outcome = run(scenario(), users((5, 0)))
    lines = list(summarise({"only": outcome}))
    assert next(line for line in lines if line.startswith("latency p50")).endswith(" -")
