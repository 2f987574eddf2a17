import argparse
from pathlib import Path

import pytest

from inflight.simulate.command_line import add_options, read_settings
from inflight.simulate.core.load import LoadKind
from inflight.simulate.core.service_time import Distribution, ServiceTime
from inflight.simulate.settings import SimulateSettings
from servingkit.config import ConfigError


def read(*arguments: str) -> SimulateSettings:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return read_settings(parser.parse_args(arguments))


def problems(*arguments: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        read(*arguments)
    return {problem.key: problem.expected for problem in caught.value.problems}


def test_defaults_are_an_hour_of_ramp() -> None:
    settings = read()
    assert settings.load.kind is LoadKind.ARRIVALS
    assert settings.load.duration_s == 3600
    assert max(level.value for level in settings.load.levels) == 10
    (scenario,) = settings.scenarios.values()
    assert scenario.container_concurrency == 0
    assert scenario.model.service_time == ServiceTime(mean_s=0.1)
    assert (scenario.model.pod_start_s, scenario.model.queue_limit) == (10.0, 10_000)
    assert scenario.scaling.stable_window_s == 60
    assert (settings.seed, settings.csv, settings.plot) == (1, None, None)


def test_options_are_read(tmp_path: Path) -> None:
    settings = read(
        "--shape=burst", "--load=concurrency", "--peak=8", "--low=2", "--duration=20m",
        "--service-time=1.5s", "--service-distribution=lognormal", "--service-variation=0.5",
        "--pod-start=1m", "--queue-limit=7", "--seed=9", "--container-concurrency=4",
        "--target=3", "--window=30s", "--scale-to-zero-grace-period=5s",
        "--annotation=autoscaling.knative.dev/metric=rps",
        f"--csv={tmp_path / 'a.csv'}", f"--plot={tmp_path / 'a.png'}",
    )  # fmt: skip
    assert settings.load.kind is LoadKind.CONCURRENCY
    assert settings.load.duration_s == 1200
    assert {level.value for level in settings.load.levels} == {2, 8}
    (scenario,) = settings.scenarios.values()
    assert scenario.container_concurrency == 4
    assert scenario.scaling.target == 3
    assert (scenario.scaling.stable_window_s, scenario.scaling.grace_period_s) == (30, 5)
    assert scenario.scaling.metric.value == "rps"
    assert scenario.model.service_time == ServiceTime(
        mean_s=1.5, distribution=Distribution.LOGNORMAL, variation_ratio=0.5
    )
    assert (scenario.model.pod_start_s, scenario.model.queue_limit) == (60, 7)
    assert settings.seed == 9
    assert (settings.csv, settings.plot) == (tmp_path / "a.csv", tmp_path / "a.png")


@pytest.mark.parametrize(
    ("arguments", "key", "expected"),
    [
        ("--shape=square", "--shape", "ramp or step or burst or diurnal or poisson"),
        ("--load=users", "--load", "concurrency or arrivals_per_s"),
        ("--shape=poisson --load=concurrency", "--load", "arrivals_per_s, since users"),
        ("--peak=-1", "--peak", "a number from 0 to 1e+06"),
        ("--peak=1e300", "--peak", "a number from 0 to 1e+06"),
        ("--low=5 --peak=4", "--peak", "a number from 5 to 1e+06"),
        ("--duration=0s", "--duration", "a duration in whole seconds from 1s"),
        ("--service-time=0s", "--service-time", "a duration from 0.001s"),
        ("--service-distribution=normal", "--service-distribution", "fixed or exponential or"),
        ("--service-variation=0", "--service-variation", "a number from 0.01"),
        ("--pod-start=soon", "--pod-start", "a duration from 0s"),
        ("--queue-limit=-1", "--queue-limit", "a whole number of at least 0"),
        ("--seed=x", "--seed", "a whole number"),
        ("--seed=9999999999", "--seed", "a whole number from 0 to 2147483647"),
        ("--csv=/", "--csv", "a file"),
        ("--container-concurrency=x", "--container-concurrency", "a whole number from 0"),
        ("--target=0", "--target", "a number of at least 0.01"),
        ("--min-scale=3 --max-scale=2", "--max-scale", "0 (no limit) or at least min-scale, 3"),
        ("--scale-to-zero-grace-period=x", "--scale-to-zero-grace-period", "a duration"),
        ("--annotation=x", "--annotation", "KEY=VALUE"),
        ("--plot=/tmp/a.pdf", "--plot", "a file named *.png"),
    ],
)
def test_problem_is_told_once_under_the_option_that_was_written(
    arguments: str, key: str, expected: str
) -> None:
    found = problems(*arguments.split())
    assert list(found) == [key]
    assert found[key].startswith(expected)


def test_file_is_read_and_a_shape_beside_it_refused(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    path.write_text("t_s,arrivals_per_s\n0,3\n60,5\n")
    assert read(str(path)).load.duration_s == 120
    assert problems(str(path), "--shape=ramp", "--peak=3").keys() == {"--shape", "--peak"}
    assert problems(str(tmp_path / "none.csv")).keys() == {"FILE"}


def test_settings_to_compare_are_read_from_files(tmp_path: Path) -> None:
    calm, eager = tmp_path / "calm.yaml", tmp_path / "eager.yaml"
    calm.write_text("containerConcurrency: 4\nscaling: {window: 2m, min-scale: 1}\n")
    eager.write_text("annotations: {autoscaling.knative.dev/window: 6s}\n")
    scenarios = read("--compare", str(calm), str(eager), "--pod-start=3s").scenarios
    assert list(scenarios) == [str(calm), str(eager)]
    first, second = scenarios.values()
    assert (first.container_concurrency, second.container_concurrency) == (4, 0)
    assert (first.scaling.stable_window_s, second.scaling.stable_window_s) == (120, 6)
    assert first.model == second.model


@pytest.mark.parametrize(
    ("content", "key", "expected"),
    [
        ("- a", "--compare", "a YAML file with keys and values"),
        ("", "--compare", "a YAML file with keys and values"),
        ("a: [", "--compare", "a YAML file"),
        ("scaling: {}\nscaling: {}", "--compare", "a YAML file (the key 'scaling' is there twice"),
        ("[" * 5000, "--compare", "a YAML file (nested too deep)"),
        ("command: [sh]", "{path}: command", "one of the keys containerConcurrency, scaling"),
        ("scaling: {target: 0}", "{path}: scaling.target", "a number of at least 0.01"),
        ("containerConcurrency: x", "{path}: containerConcurrency", "a whole number from 0"),
    ],
)
def test_bad_file_to_compare_is_told_with_its_path(
    content: str, key: str, expected: str, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("scaling: {target: 1}\n")
    bad.write_text(content)
    found = problems("--compare", str(good), str(bad))
    assert list(found) == [key.format(path=bad)]
    assert found[key.format(path=bad)].startswith(expected)


def test_scaling_beside_files_to_compare_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("{}")
    missing = str(tmp_path / "none.yaml")
    found = problems("--compare", str(path), missing, "--target=1", "--annotation=a=b")
    assert found.keys() == {"--target", "--annotation", "--compare"}
    assert problems("--compare", str(path), str(path)) == {"--compare": "another file"}


def test_the_day_begins_when_it_is_said_to() -> None:
    def begin(*arguments: str) -> float:
        (scenario,) = read(*arguments).scenarios.values()
        return scenario.begin_wall_s

    assert begin() == 1_704_067_200
    assert begin("--begin=1970-01-01T00:01") == 60
    assert begin("--begin=1970-01-01T01:00+01:00") == 0
    assert "a date and time" in problems("--begin=tomorrow")["--begin"]


def test_a_file_of_defaults_holds_for_all_that_is_compared(tmp_path: Path) -> None:
    (tmp_path / "defaults.yaml").write_text("stable-window: 30s\n")
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("scaling: {target: 3}\n")
    compared = ("--compare", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml"))
    settings = read(f"--config={tmp_path / 'defaults.yaml'}", *compared)
    assert [it.scaling.stable_window_s for it in settings.scenarios.values()] == [30, 30]


def test_metrics_of_a_model_are_refused_since_none_runs() -> None:
    assert read("--metrics=rps=5").scenarios
    refused = problems("--metrics=rps=5,gauge:vllm:num_requests_waiting=4")
    assert refused == {"--metrics": "concurrency or rps; no model runs here"}
