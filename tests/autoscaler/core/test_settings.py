from typing import Any

import pytest

from autoscaler.core.defaults import Defaults
from autoscaler.core.settings import (
    NAMES,
    PREFIX,
    PROGRESS_DEADLINE,
    Metric,
    ScalingSettings,
    decider_spec,
    parse_annotations,
)
from autoscaler.core.window import Aggregation
from servingkit.config import ConfigError


def parse(**annotations: str) -> ScalingSettings:
    named = {PREFIX + name.replace("_", "-"): value for name, value in annotations.items()}
    return parse_annotations(named, Defaults())


def test_without_annotations_the_defaults_hold() -> None:
    settings = parse()
    assert settings.metric is Metric.CONCURRENCY
    assert settings.target is None
    assert settings.target_burst_capacity == -1
    assert (settings.stable_window_s, settings.panic_window_s) == (60, 6)
    assert settings.panic_threshold == 2.0
    assert settings.initial_scale == 1
    assert settings.progress_deadline_s == 600


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("metric", "rps", "metric", Metric.RPS),
        ("target", "2.5", "target", 2.5),
        ("target-utilization-percentage", "80", "target_utilization_ratio", 0.8),
        ("target-burst-capacity", "-1", "target_burst_capacity", -1),
        ("target-burst-capacity", "0", "target_burst_capacity", 0),
        ("min-scale", "2", "min_scale", 2),
        ("minScale", "2", "min_scale", 2),
        ("max-scale", "7", "max_scale", 7),
        ("initial-scale", "3", "initial_scale", 3),
        ("activation-scale", "4", "activation_scale", 4),
        ("scale-down-delay", "1m30s", "scale_down_delay_s", 90),
        ("scale-to-zero-pod-retention-period", "1h", "retention_period_s", 3600),
        ("window", "6s", "stable_window_s", 6),
        ("panic-window-percentage", "50", "panic_window_s", 30),
        ("panic-threshold-percentage", "110", "panic_threshold", 1.1),
        (
            "metric-aggregation-algorithm",
            "weightedExponential",
            "aggregation",
            Aggregation.WEIGHTED_EXPONENTIAL,
        ),
    ],
)
def test_an_annotation_overrides_the_default(
    name: str, value: str, field: str, expected: object
) -> None:
    settings = parse_annotations({PREFIX + name: value}, Defaults())
    assert getattr(settings, field) == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (
            "class",
            "hpa.autoscaling.knative.dev",
            "kpa.autoscaling.knative.dev; a revision of another class is not scaled here",
        ),
        (
            "class",
            "x.knative.dev",
            (
                "kpa.autoscaling.knative.dev, hpa.autoscaling.knative.dev,"
                " or a class of another domain"
            ),
        ),
        ("metric", "cpu", "concurrency or rps"),
        ("target", "0", "a number of at least 0.01"),
        ("target", "nan", "a number of at least 0.01"),
        ("target", "inf", "a number of at least 0.01"),
        ("target-utilization-percentage", "101", "a number from 1 to 100"),
        (
            "target-burst-capacity",
            "-0.5",
            "-1 (activator always in the path) or a number of at least 0",
        ),
        ("min-scale", "-1", "a whole number of at least 0"),
        ("max-scale", "1.5", "a whole number of at least 0"),
        ("max-scale", str(2**31), "a whole number from 0 to 2147483647"),
        ("initial-scale", "0", "a whole number of at least 1"),
        ("activation-scale", "1", "a whole number of at least 2"),
        (
            "scale-down-delay",
            "1500ms",
            "a duration in whole seconds from 0s to 1h, such as 60s or 1m30s",
        ),
        (
            "window",
            "5s",
            "a duration in whole seconds from 6s to 1h, such as 60s or 1m30s",
        ),
        ("window", "60", "a duration in whole seconds from 6s to 1h, such as 60s or 1m30s"),
        ("panic-threshold-percentage", "100", "a number from 110 to 1000"),
    ],
)
def test_a_bad_value_is_named_with_what_was_expected(name: str, value: str, expected: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_annotations({PREFIX + name: value}, Defaults())
    assert str(refused.value) == f"{PREFIX}{name}: {value!r}; expected {expected}"


def test_all_problems_are_said_at_once_with_the_keys_as_they_were_written() -> None:
    annotations = {
        PREFIX + "minScale": "x",
        PROGRESS_DEADLINE: "soon",
        "example.com/other": "is not ours",
    }
    with pytest.raises(ConfigError) as refused:
        parse_annotations(annotations, Defaults())
    assert [problem.key for problem in refused.value.problems] == [
        PREFIX + "minScale",
        PROGRESS_DEADLINE,
    ]


def test_every_name_is_read() -> None:
    """An annotation that is taken for a setting and read by nobody would be refused as unknown."""
    with pytest.raises(ConfigError) as refused:
        parse_annotations({PREFIX + name: "?" for name in NAMES}, Defaults())
    assert not [one for one in refused.value.problems if one.expected.startswith("one of ")]


def test_a_name_that_nobody_knows_refuses_no_revision() -> None:
    assert parse_annotations({PREFIX + "targt": "3"}, Defaults()) == parse()


@pytest.mark.parametrize(
    ("annotations", "key"),
    [
        ({"min_scale": "3", "max_scale": "2"}, "max-scale"),
        ({"min_scale": "3", "activation_scale": "2"}, "activation-scale"),
        ({"max_scale": "3", "activation_scale": "4"}, "activation-scale"),
    ],
)
def test_bounds_must_agree_with_each_other(annotations: dict[str, str], key: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(**annotations)
    assert [problem.key for problem in refused.value.problems] == [PREFIX + key]


def test_a_default_refuses_no_revision() -> None:
    defaults = Defaults(min_scale=3, max_scale=4)
    for name, value in (("max-scale", "2"), ("min-scale", "5"), ("activation-scale", "6")):
        parse_annotations({PREFIX + name: value}, defaults)


def test_zero_initial_scale_can_be_allowed() -> None:
    defaults = Defaults(allow_zero_initial_scale=True)
    assert parse_annotations({PREFIX + "initial-scale": "0"}, defaults).initial_scale == 0


def test_a_limit_of_the_installation_bounds_max_scale_and_gives_its_default() -> None:
    defaults = Defaults(max_scale_limit=5)
    assert parse_annotations({}, defaults).max_scale == 5
    for value in ("0", "6"):
        with pytest.raises(ConfigError, match="a whole number from 1 to 5"):
            parse_annotations({PREFIX + "max-scale": value}, defaults)


@pytest.mark.parametrize(
    ("annotations", "container_concurrency", "total", "target"),
    [
        ({}, 0, 100, 70),
        ({}, 10, 10, 7),
        ({"target": "20"}, 10, 10, 7),
        ({"target": "5"}, 10, 5, 3.5),
        ({"target": "5"}, 0, 5, 3.5),
        ({"target": "0.01"}, 0, 0.01, 0.01),
        ({"metric": "rps"}, 10, 200, 140),
        ({"metric": "rps", "target": "50"}, 10, 50, 35),
        ({"target": "10", "target_utilization_percentage": "100"}, 0, 10, 10),
    ],
)
def test_the_target_is_a_share_of_what_a_pod_can_take(
    annotations: dict[str, str], container_concurrency: int, total: float, target: float
) -> None:
    spec = decider_spec(parse(**annotations), container_concurrency)
    assert spec.total_value == total
    assert spec.target_value == pytest.approx(target)


def test_the_utilisation_of_container_concurrency_is_none_of_requests_per_second() -> None:
    defaults = Defaults(container_concurrency_target_percentage=50)
    for metric, target in (("concurrency", 50), ("rps", 140)):
        settings = parse_annotations({PREFIX + "metric": metric}, defaults)
        assert decider_spec(settings, 0).target_value == pytest.approx(target)


def test_the_panic_window_is_rounded_half_up_to_whole_seconds() -> None:
    values: dict[str, Any] = {"window": "25s", "panic_window_percentage": "10"}
    assert parse(**values).panic_window_s == 3
    assert parse(window="6s", panic_window_percentage="1").panic_window_s == 1
