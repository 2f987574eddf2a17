import argparse
from pathlib import Path

from autoscaler.core.defaults import Defaults
from inflight.scaling.annotations import read_annotations
from inflight.scaling.fields import Fields
from inflight.scaling.options import (
    ANNOTATION,
    CONFIG,
    CONTAINER_CONCURRENCY,
    DEFAULTS,
    GRACE_PERIOD,
    SCALING,
    GivenOptions,
    add_group,
    add_repeated_group,
    label,
)
from servingkit.config import Problem

ALL = {**CONTAINER_CONCURRENCY, **SCALING, **GRACE_PERIOD, **CONFIG}


def given(*arguments: str) -> GivenOptions:
    parser = argparse.ArgumentParser()
    add_group(parser, "all", ALL)
    add_repeated_group(parser, "repeated", ANNOTATION)
    return GivenOptions(parser.parse_args(arguments), ALL, CONTAINER_CONCURRENCY)


def refused(name: str) -> list[Problem]:
    """Return what is wrong with an option whose value cannot be used."""
    problems: list[Problem] = []
    read_annotations(
        Fields({"scaling": {name: "no such value"}}, problems, label), DEFAULTS, problems
    )
    return problems


def test_every_scaling_option_is_an_annotation_that_the_autoscaler_knows() -> None:
    for name in SCALING:
        (problem,) = refused(name)
        assert problem.key == f"--{name}"
        assert not problem.expected.startswith("one of ")


def test_what_was_given_reads_as_in_a_revision_file() -> None:
    options = given("--target=3", "--container-concurrency=4", "--annotation=a.example/b=c")
    assert options.scaling_fields() == {
        "scaling": {"target": "3"},
        "annotations": {"a.example/b": "c"},
        "containerConcurrency": 4,
    }


def test_grace_period_is_a_default_of_the_autoscaler() -> None:
    assert given("--scale-to-zero-grace-period=7s").defaults(None) == Defaults(
        allow_zero_initial_scale=True, scale_to_zero_grace_period_s=7
    )
    bad = given("--scale-to-zero-grace-period=7")
    assert bad.defaults(None) == DEFAULTS
    assert [problem.key for problem in bad.problems] == ["--scale-to-zero-grace-period"]


def test_all_scaling_can_be_refused() -> None:
    options = given("--target=3", "--container-concurrency=4", "--annotation=a=b")
    options.refuse_scaling("to be in the file")
    assert [problem.key for problem in options.problems] == [
        "--container-concurrency",
        "--target",
        "--annotation",
    ]


def test_key_of_a_file_is_labelled_with_its_option() -> None:
    assert label("scaling.min-scale") == "--min-scale"
    assert label("annotations.a/b") == "--annotation a/b"
    assert label("containerConcurrency") == "--container-concurrency"
    assert label("name") == "--name"


def test_a_file_of_defaults_is_read_and_beaten_by_an_option(tmp_path: Path) -> None:
    path = tmp_path / "defaults.yaml"
    path.write_text("stable-window: 30s\nscale-to-zero-grace-period: 9s\n")
    options = given(f"--config={path}", "--scale-to-zero-grace-period=7s")
    source = options.defaults_source()
    defaults = options.defaults(source)
    assert options.problems == []
    assert (defaults.stable_window_s, defaults.scale_to_zero_grace_period_s) == (30, 7)
    assert defaults.allow_zero_initial_scale


def test_what_is_wrong_with_the_file_or_the_option_is_named_as_written(tmp_path: Path) -> None:
    path = tmp_path / "defaults.yaml"
    path.write_text("stable-window: 1s\n")
    options = given(f"--config={path}", "--scale-to-zero-grace-period=x")
    options.defaults(options.defaults_source())
    assert {problem.key for problem in options.problems} == {
        f"{path}: stable-window",
        "--scale-to-zero-grace-period",
    }
