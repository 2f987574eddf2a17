"""The command as a person types it: exit codes and messages."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration


def inflight(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "inflight", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_status_without_an_autoscaler_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    result = inflight("status", "--api", f"http://127.0.0.1:{port}")
    assert result.returncode == 1
    assert result.stderr.startswith(f"no autoscaler at http://127.0.0.1:{port}: ")


def test_version_is_told() -> None:
    result = inflight("--version")
    assert result.returncode == 0
    assert result.stdout.startswith("inflight 0.")


def test_help_shows_an_example() -> None:
    result = inflight("local", "--help")
    assert result.returncode == 0
    assert "inflight local --name sleeper" in result.stdout


def test_the_locale_does_not_change_what_is_written() -> None:
    manifest = "\ufeffkind: Service\nmetadata: {name: zürich → genève}\n"
    result = subprocess.run(
        [sys.executable, "-m", "inflight", "inject", "-f", "-"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        input=manifest.encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.decode() == manifest.removeprefix("\ufeff")


def test_target_zero_names_the_option_and_what_was_expected() -> None:
    result = inflight("local", "--name", "iris", "--target", "0", "--", "sh")
    assert result.returncode == 78
    assert result.stderr == "--target: '0'; expected a number of at least 0.01\n"


def test_all_problems_are_told_at_once() -> None:
    result = inflight("local", "--name", "I", "--window", "3s", "--port", "x", "--", "no-such-one")
    assert result.returncode == 78
    keys = {line.partition(":")[0] for line in result.stderr.splitlines()}
    assert keys == {"--name", "--window", "--port", "COMMAND"}


def test_port_in_use_names_the_option_and_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        result = inflight("local", "--name", "iris", "--port", port, "--api-port", port, "--", "sh")
    assert result.returncode == 78
    assert result.stderr == (
        f"--port: '{port}'; expected a port that nobody listens on\n"
        f"--api-port: '{port}'; expected a port that nobody listens on\n"
    )


@pytest.mark.parametrize("output", [(), ("--json",)], ids=["plain", "json"])
def test_command_that_ends_at_once_shows_its_last_words(output: tuple[str, ...]) -> None:
    result = inflight(
        "local", *output, "--name", "iris", "--port", "0", "--api-port", "0",
        "--", "sh", "-c", "echo no weights here; exit 3",
    )  # fmt: skip
    assert result.returncode == 78
    assert result.stderr.startswith("COMMAND: 'sh -c echo no weights here; exit 3'; expected ")
    assert "exit code 3" in result.stderr
    assert "    no weights here" in result.stderr
    assert "Traceback" not in result.stderr


def test_unknown_key_of_a_file_is_named_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "revisions.yaml"
    path.write_text("revisions:\n- {name: iris, command: [sh], colour: red}\n")
    result = inflight("local", str(path))
    assert result.returncode == 78
    assert result.stderr.startswith("revisions[0].colour: 'red'; expected one of the keys name, ")


def test_ctrl_c_ends_the_loop_without_a_word_of_warning() -> None:
    command = [sys.executable, "-m", "inflight", "local", "--json", "--name", "iris"]
    command += ["--port", "0", "--api-port", "0", "--", "sleep", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        while b'"tick"' not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        _, warnings = process.communicate(timeout=60)
        assert (process.returncode, warnings) == (0, b"")


def test_reader_that_leaves_ends_it_without_a_traceback() -> None:
    command = [sys.executable, "-m", "inflight", "local", "--json", "--name", "iris"]
    command += ["--port", "0", "--api-port", "0", "--", "sleep", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 1
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_folder_that_cannot_be_made_names_the_option() -> None:
    options = ("--name", "iris", "--port", "0", "--api-port", "0", "--log-dir", "/dev/null/logs")
    result = inflight("local", *options, "--", "sleep", "60")
    assert result.returncode == 78
    assert result.stderr.startswith("--log-dir: '/dev/null/logs'; expected a folder that is there")


@pytest.mark.parametrize(
    ("redirection", "told"),
    [
        (">/dev/full", "inflight: [Errno 28] No space left on device\n"),
        (">&-", ""),
    ],
)
def test_output_that_cannot_be_written_ends_it_without_a_traceback(
    redirection: str, told: str
) -> None:
    command = f"{sys.executable} -m inflight simulate --duration 1s {redirection}"
    result = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stderr) == (1, told)


def test_ctrl_c_ends_what_takes_long_without_a_traceback(tmp_path: Path) -> None:
    load = tmp_path / "load.csv"
    os.mkfifo(load)
    command = [sys.executable, "-m", "inflight", "simulate", str(load)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        with load.open("w"):  # opens when it is read
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_replay_tells_how_many_ticks_differ() -> None:
    result = inflight("replay", str(Path(__file__).parent / "replay/data/kpa_traces.json"))
    assert (result.returncode, result.stdout) == (0, "0 of 2160 ticks differ\n")


def test_trace_that_cannot_be_read_is_told_without_a_traceback() -> None:
    result = inflight("replay", "no-such-file")
    assert result.returncode == 78
    assert result.stderr.startswith("FILE: 'no-such-file'; expected a file that can be read")


def test_simulation_prints_its_summary() -> None:
    result = inflight("simulate", "--shape", "step", "--duration", "1m")
    assert result.returncode == 0
    assert result.stdout.startswith("requests")


def test_all_problems_of_a_simulation_are_told_at_once() -> None:
    result = inflight("simulate", "--peak", "x", "--target", "0", "--pod-start", "soon")
    assert result.returncode == 78
    keys = {line.partition(":")[0] for line in result.stderr.splitlines()}
    assert keys == {"--peak", "--target", "--pod-start"}


@pytest.mark.parametrize("command", ["replay", "simulate"])
def test_command_after_the_dashes_is_for_inflight_local_alone(command: str) -> None:
    result = inflight(command, "file", "--", "sh")
    assert result.returncode == 2
    assert f"inflight {command} takes no command after --" in result.stderr
