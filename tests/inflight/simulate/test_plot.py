import struct
from pathlib import Path

import pytest

from inflight.simulate.plot import draw
from tests.inflight.simulate.scenarios import run, scenario, users


@pytest.mark.parametrize("runs", [1, 2])
def test_picture_has_a_column_for_each_run(runs: int, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    outcome = run(scenario(pod_start_s=5, queue_limit=3), users((60, 6), (1200, 0)))
    draw({f"run {number}": outcome for number in range(runs)}, path)
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", header[16:24]) == (1500 * runs, 1275)


def test_run_of_one_second_without_requests_has_a_picture_too(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    draw({"short": run(scenario(), users((1, 0)))}, path)
    assert path.stat().st_size > 0
