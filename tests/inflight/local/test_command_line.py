import argparse
from pathlib import Path

import pytest

from inflight.local.command_line import add_options, read_settings
from inflight.local.settings import LocalSettings
from servingkit.config import ConfigError
from servingkit.core.revision import RevisionId


def read(*arguments: str, command: tuple[str, ...] = ("sh", "-c", "true")) -> LocalSettings:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return read_settings(parser.parse_args(arguments), command, "/usr/bin:/bin")


def problems(*arguments: str, command: tuple[str, ...] = ("sh",)) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        read(*arguments, command=command)
    return {problem.key: problem.expected for problem in caught.value.problems}


def test_one_revision_with_defaults() -> None:
    settings = read("--name", "iris")
    (revision,) = settings.revisions
    assert revision.id == RevisionId("default", "iris")
    assert revision.command == ("sh", "-c", "true")
    assert (revision.port, settings.api_port) == (8000, 8081)
    assert revision.container_concurrency == 0
    assert revision.timeout_s == 300
    assert revision.annotations == {}
    assert settings.log_directory is None


def test_options_become_what_a_file_would_say() -> None:
    settings = read(
        "--name=iris", "--namespace=models", "--container-concurrency=5", "--timeout=60",
        "--port=0", "--api-port=0", "--host=a.example", "--host=b.example", "--log-dir=logs",
        "--endpoint-lag=500ms", "--scale-to-zero-grace-period=5s", "--json",
    )  # fmt: skip
    (revision,) = settings.revisions
    assert revision.id == RevisionId("models", "iris")
    assert revision.container_concurrency == 5
    assert revision.timeout_s == 60
    assert revision.hosts == ("a.example", "b.example")
    assert (revision.port, settings.api_port) == (0, 0)
    assert settings.log_directory == Path("logs")
    assert settings.endpoint_lag_s == 0.5
    assert settings.defaults.scale_to_zero_grace_period_s == 5
    assert settings.json


def test_scaling_options_are_knatives_annotations() -> None:
    settings = read(
        "--name=iris", "--target=10", "--min-scale=1", "--initial-scale=0",
        "--annotation=autoscaling.knative.dev/metric=rps",
    )  # fmt: skip
    assert settings.revisions[0].annotations == {
        "autoscaling.knative.dev/metric": "rps",
        "autoscaling.knative.dev/target": "10",
        "autoscaling.knative.dev/min-scale": "1",
        "autoscaling.knative.dev/initial-scale": "0",
    }


@pytest.mark.parametrize(
    ("arguments", "key", "expected"),
    [
        ("--target=0", "--target", "a number of at least 0.01"),
        ("--min-scale=5 --max-scale=2", "--max-scale", "0 (no limit) or at least min-scale, 5"),
        ("--window=3s", "--window", "a duration in whole seconds from 6s to 1h"),
        ("--container-concurrency=many", "--container-concurrency", "a whole number from 0"),
        ("--timeout=0", "--timeout", "a whole number from 1"),
        ("--port=70000", "--port", "a whole number from 0 to 65535"),
        ("--activators=0", "--activators", "a whole number from 1 to 100"),
        ("--api-port=-1", "--api-port", "a whole number from 0 to 65535"),
        ("--endpoint-lag=soon", "--endpoint-lag", "a duration such as"),
        ("--scale-to-zero-grace-period=0s", "--scale-to-zero-grace-period", "a duration of"),
        ("--annotation=target", "--annotation", "KEY=VALUE"),
        (
            "--annotation=autoscaling.knative.dev/tarket=1",
            "--annotation autoscaling.knative.dev/tarket",
            "one of ",
        ),
        (
            "--target=1 --annotation=autoscaling.knative.dev/target=2",
            "--target",
            "to be given once; --annotation autoscaling.knative.dev/target is there too",
        ),
        ("--namespace=No", "--namespace", "a name of at most 63 lower-case letters"),
    ],
)
def test_problem_is_told_under_the_option_that_was_written(
    arguments: str, key: str, expected: str
) -> None:
    found = problems("--name=iris", *arguments.split())
    assert list(found) == [key]
    assert found[key].startswith(expected)


def test_missing_name_and_command_are_problems() -> None:
    assert problems(command=()).keys() == {"--name", "COMMAND"}


def test_revision_options_beside_a_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "revisions.yaml"
    path.write_text("revisions: [{name: iris, command: [sh]}]")
    found = problems(str(path), "--target=1", "--name=x", "--host=a", "--annotation=b=c")
    assert found.keys() == {"--target", "--name", "--host", "--annotation", "COMMAND"}
    assert read(str(path), "--api-port=0", command=()).revisions[0].id.name == "iris"
