import argparse

from autoscaler.core.defaults import Defaults
from autoscaler.core.settings import PREFIX, parse_annotations
from inflight.scaling.options import (
    ANNOTATION,
    CONTAINER_CONCURRENCY,
    DEFAULTS,
    GRACE_PERIOD,
    SCALING,
    GivenOptions,
    add_group,
    add_repeated_group,
    label,
)

ALL = {**CONTAINER_CONCURRENCY, **SCALING, **GRACE_PERIOD}


def given(*arguments: str) -> GivenOptions:
    parser = argparse.ArgumentParser()
    add_group(parser, "all", ALL)
    add_repeated_group(parser, "repeated", ANNOTATION)
    return GivenOptions(parser.parse_args(arguments), ALL, CONTAINER_CONCURRENCY)


def test_every_scaling_option_is_an_annotation_of_knatives() -> None:
    valid = {"metric": "rps", "activation-scale": "2", "max-scale": "5", "window": "60s"}
    percentages = {name: "200" for name in SCALING if "threshold" in name}
    values = dict.fromkeys(SCALING, "2") | valid | percentages
    values |= {name: "2s" for name in SCALING if name.endswith(("delay", "period"))}
    parse_annotations({PREFIX + name: value for name, value in values.items()}, DEFAULTS)


def test_what_was_given_reads_as_in_a_revision_file() -> None:
    options = given("--target=3", "--container-concurrency=4", "--annotation=a.example/b=c")
    assert options.scaling_fields() == {
        "scaling": {"target": "3"},
        "annotations": {"a.example/b": "c"},
        "containerConcurrency": 4,
    }


def test_grace_period_is_a_default_of_the_autoscaler() -> None:
    assert given("--scale-to-zero-grace-period=7s").defaults() == Defaults(
        allow_zero_initial_scale=True, scale_to_zero_grace_period_s=7
    )
    bad = given("--scale-to-zero-grace-period=7")
    assert bad.defaults() == DEFAULTS
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
