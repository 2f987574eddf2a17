"""The command, and one short run of it with all that this machine has for it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from loadtest.bench.__main__ import PAGE_NAME, RESULTS_NAME, parse
from loadtest.bench.core.metric import Metric
from loadtest.bench.core.names import EVENTS, IDLE, NGINX, OURS, POST_32
from loadtest.bench.core.results import Results
from loadtest.bench.lineup import PEERS
from tests.loadtest.bench.needs import needs_tools


def mentions(path: Path, word: str) -> bool:
    try:
        return word.encode() in path.read_bytes()
    except OSError:
        return False  # it ended while we looked


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loadtest.bench", *arguments],
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )


def test_names_are_chosen_in_the_usual_order() -> None:
    options = parse(["--only", "nginx,inflight"])
    assert [peer.name for peer in options.only] == [OURS, NGINX]


def test_without_names_all_are_chosen() -> None:
    assert parse([]).only == list(PEERS)


def test_unknown_name_is_refused_with_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--only", "envoy"])
    assert "no such name: envoy (there are inflight, " in capsys.readouterr().err


@pytest.mark.integration
def test_earlier_results_are_shown_again(results: Results, tmp_path: Path) -> None:
    source = tmp_path / "earlier.json"
    source.write_text(results.to_json(), encoding="utf-8")
    done = bench("--from", str(source), "--out", f"{tmp_path}/out", "--docs", f"{tmp_path}/docs")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / RESULTS_NAME).read_text(encoding="utf-8") == results.to_json()
    assert (tmp_path / "docs" / f"{PAGE_NAME}.md").exists()
    assert (tmp_path / "docs" / f"{PAGE_NAME}.png").exists()


@pytest.mark.integration
@pytest.mark.slow
def test_quick_run_of_two_proxies_measures_all_that_it_names(tmp_path: Path) -> None:
    needs_tools()
    cases = f"{POST_32},{EVENTS},{IDLE}"
    done = bench("--quick", "--only", "inflight,nginx", "--cases", cases, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    results = Results.from_json((tmp_path / RESULTS_NAME).read_text(encoding="utf-8"))
    for peer in (OURS, NGINX):
        for case in (POST_32, EVENTS):
            cpu_us = results.value(case, peer, Metric.CPU_US)
            assert cpu_us is not None
            assert 1 < cpu_us < 5000, (case, peer)
            assert results.value(case, peer, Metric.FAILED) == 0, (case, peer)
        idle_mib = results.value(IDLE, peer, Metric.IDLE_MIB)
        assert idle_mib is not None
        assert 1 < idle_mib < 200, peer
    assert "not measured" in (tmp_path / f"{PAGE_NAME}.md").read_text(encoding="utf-8")


@pytest.mark.integration
def test_sigterm_ends_a_run_and_all_that_it_started() -> None:
    needs_tools()
    command = [sys.executable, "-m", "loadtest.bench", "--only", "nginx", "--cases", POST_32]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            command,
            env={**os.environ, "TMPDIR": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"round 1 of 2")
        process.terminate()
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (130, b"stopped\n")
        assert not any(Path(folder).iterdir())
        assert not any(mentions(path, folder) for path in Path("/proc").glob("[0-9]*/cmdline"))
