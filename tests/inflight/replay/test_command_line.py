import argparse
import json
from pathlib import Path

import pytest

from inflight.replay.command_line import add_options, run

TRACES = Path(__file__).parent / "data" / "kpa_traces.json"


def inflight_replay(path: Path) -> int:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return run(parser.parse_args([str(path)]))


def test_knatives_traces_do_not_differ(capsys: pytest.CaptureFixture[str]) -> None:
    assert inflight_replay(TRACES) == 0
    assert capsys.readouterr().out == "0 of 2160 ticks differ\n"


def test_differences_are_shown_side_by_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    traces = json.loads(TRACES.read_text())[:1]
    traces[0]["ticks"][2]["desired"] = 9
    path = tmp_path / "traces.json"
    path.write_text(json.dumps(traces))
    assert inflight_replay(path) == 1
    headings, row, count = capsys.readouterr().out.splitlines()
    assert [cell.split()[0] for cell in headings.split("|")] == ["trace", "ours:", "theirs"]
    place, ours, theirs = (cell.strip() for cell in row.split("|"))
    assert place == "ramp-7-0     5"
    assert (ours, theirs) == ("0.104167 0.104167 1 -201", "0.104167 0.104167 9 -201")
    assert count == "1 of 60 ticks differ"


def test_only_the_first_differences_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    traces = json.loads(TRACES.read_text())[:1]
    for tick in traces[0]["ticks"]:
        tick["ready"] += 1
        tick["excess_burst_capacity"] = 1
    path = tmp_path / "traces.json"
    path.write_text(json.dumps(traces))
    assert inflight_replay(path) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 23
    assert lines[-2:] == ["... and 40 more", "60 of 60 ticks differ"]
