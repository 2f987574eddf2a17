"""The command, and one short run of it with all that this machine has for it."""

import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.bench_activator.__main__ import CASES, PAGE_NAME, parse
from tests.loadtest.bench.needs import needs_tools


def test_all_cases_run_unless_some_are_named() -> None:
    assert parse([]).cases == list(CASES)
    assert parse(["--cases", "held", "cold"]).cases == ["held", "cold"]


def test_an_unknown_case_is_refused_with_those_that_exist(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        parse(["--cases", "dance"])
    assert "'held'" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.timeout(600)
def test_a_quick_run_writes_page_and_picture(tmp_path: Path) -> None:
    needs_tools()
    command = [sys.executable, "-m", "loadtest.bench_activator", "--quick", "--docs", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=540, check=False)
    assert ended.returncode == 0, ended.stderr
    page = (tmp_path / f"{PAGE_NAME}.md").read_text()
    for heading in ("held at zero pods", "A noisy tenant", "CPU of a warm request", "that leave"):
        assert f"## {heading}" in page or heading in page
    assert (tmp_path / f"{PAGE_NAME}.png").stat().st_size > 10_000
