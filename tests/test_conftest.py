"""What the summary of a run says of tests that were run again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.polling import PATIENCE_S

REPOSITORY = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "pytest", "--reruns", "1", "-p", "no:cacheprovider"]

TESTS = """
from pathlib import Path

def test_good():
    pass

def test_moody():
    before = Path(__file__).with_name("before")
    if not before.exists():
        before.touch()
        raise AssertionError
"""
BAD = """
def test_bad():
    raise AssertionError
"""


def run(folder: Path, tests: str, *options: str) -> tuple[int, str]:
    """Run `tests` as CI does; return the exit code and the output."""
    (folder / "conftest.py").write_text("from tests.conftest import pytest_terminal_summary")
    (folder / "test_some.py").write_text(tests)
    ended = subprocess.run(
        [*COMMAND, *options, str(folder)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE_S,  # the imports of up to three processes
        check=False,
    )
    return ended.returncode, ended.stdout


def test_one_that_passes_when_run_again_is_named_and_fails_nothing(tmp_path: Path) -> None:
    returncode, output = run(tmp_path, TESTS, "-n", "2")
    assert returncode == 0
    assert "passed only when run again: test_some.py::test_moody\n" in output
    assert "2 passed, 1 rerun" in output.splitlines()[-1]


def test_one_that_fails_again_fails_the_run(tmp_path: Path) -> None:
    returncode, output = run(tmp_path, TESTS + BAD)
    assert returncode == pytest.ExitCode.TESTS_FAILED
    assert output.count("passed only when run again: ") == 1
    assert "1 failed, 2 passed, 2 rerun" in output.splitlines()[-1]


def test_nothing_is_said_when_nothing_was_run_again(tmp_path: Path) -> None:
    assert "run again" not in run(tmp_path, "def test_good():\n    pass\n")[1]
