import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.loadtest.bench.needs import needs_cores
from tests.loadtest.bench_autoscaler.measured import results
from tests.polling import PATIENCE_S

pytestmark = pytest.mark.integration


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loadtest.bench_autoscaler", *arguments],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_an_earlier_run_can_be_shown_again(tmp_path: Path) -> None:
    source = tmp_path / "earlier.json"
    source.write_text(results().to_json())
    ran = bench("--from", str(source), "--out", str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    assert "# Benchmarks of the autoscaler" in (tmp_path / "benchmarks-autoscaler.md").read_text()
    assert (tmp_path / "benchmarks-autoscaler.png").exists()


@pytest.mark.slow
def test_one_case_can_be_run_alone(tmp_path: Path) -> None:
    ran = bench("--quick", "--only", "decide 100", "--out", str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    measured = json.loads((tmp_path / "results.json").read_text())["measured"]
    assert set(measured) == {"decide 100", "decide 1000"}


def test_sigterm_ends_a_run_and_the_program_it_measures() -> None:
    needs_cores()
    command = [sys.executable, "-m", "loadtest.bench_autoscaler", "--quick", "--only", "poke"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"round 1 of 1: poke\n"
        process.terminate()
        # The end of both pipes: no program that was started holds them any longer.
        _, errors = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, errors) == (130, b"stopped\n")
