import pytest

from autoscaler.core.additions import (
    AdditionDefaults,
    Additions,
    read_additions,
)
from autoscaler.core.model_metrics import ModelMetric, ModelMetricKind
from autoscaler.core.prediction import PredictionMode, PredictionSettings
from servingkit.config import Problem
from servingkit.core.annotation_names import OF_SCALING, OUR_PREFIX

DEFAULTS = AdditionDefaults()


def read(**names: str) -> tuple[Additions, tuple[Problem, ...]]:
    annotations = {OUR_PREFIX + name.replace("_", "-"): value for name, value in names.items()}
    return read_additions(annotations, DEFAULTS, 0)


def test_everything_is_off_unless_it_is_asked_for() -> None:
    additions, problems = read()
    assert problems == ()
    assert additions == Additions(
        reachable=True,
        further_targets={},
        model_metrics=(),
        metrics_port=0,
        metrics_path="/metrics",
        schedules=(),
        credit_starting_pods=False,
        tolerance_ratio=0.0,
        prediction=PredictionSettings(mode=PredictionMode.OFF, window_s=300, horizon_s=60),
    )


def test_every_setting_can_be_given() -> None:
    additions, problems = read(
        reachable="false",
        metrics="concurrency=8, rps=50\ngauge:vllm:num_requests_waiting=4,rate:tokens_total = 1.5",
        metrics_port="8000",
        metrics_path="/stats/prometheus",
        schedules="0 8 * * * UTC 1h min-scale=3",
        credit_starting_pods="true",
        tolerance_percentage="10",
        prediction="preview",
        prediction_window="10m",
        prediction_horizon="90s",
    )
    assert problems == ()
    assert not additions.reachable
    assert additions.further_targets == {"concurrency": 8.0, "rps": 50.0}
    assert additions.model_metrics == (
        ModelMetric("vllm:num_requests_waiting", ModelMetricKind.GAUGE, 4.0),
        ModelMetric("tokens_total", ModelMetricKind.RATE, 1.5),
    )
    assert (additions.metrics_port, additions.metrics_path) == (8000, "/stats/prometheus")
    assert [schedule.min_scale for schedule in additions.schedules] == [3]
    assert additions.credit_starting_pods
    assert additions.tolerance_ratio == 0.1
    assert additions.prediction == PredictionSettings(
        mode=PredictionMode.PREVIEW, window_s=600, horizon_s=90
    )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("metrics", "gauge:x", "'gauge:x' is none"),
        ("metrics", "cpu=5", "'cpu=5' is none"),
        ("metrics", "rps=0", "'rps=0' is none"),
        ("metrics", "rps=nan", "'rps=nan' is none"),
        ("metrics", "gauge:9x=1", "'gauge:9x=1' is none"),
        ("metrics", "rps=1,rps=2", "each metric once; 'rps=2' is there twice"),
        ("metrics", "gauge:x=1,rate:x=2", "each metric once; 'rate:x=2' is there twice"),
        ("metrics-port", "0", "a whole number from 1 to 65535"),
        ("metrics-path", "metrics", "a path such as /metrics"),
        ("metrics-path", "/a b", "a path such as /metrics"),
        ("metrics-path", "/stats", "a metrics-port, too"),
        ("schedules", "whenever", "'whenever' is too short"),
        ("credit-starting-pods", "yes", "true or false"),
        ("tolerance-percentage", "51", "a number from 0 to 50"),
        ("prediction", "on", "off or preview or floor"),
        ("prediction-window", "30s", "a duration in whole seconds from 1m to 1h"),
        ("prediction-horizon", "31m", "a duration from 1s to 30m"),
        ("reachable", "", "true or false"),
    ],
)
def test_a_bad_value_is_named_with_what_was_expected(name: str, value: str, words: str) -> None:
    _, problems = read(**{name: value})
    assert [problem.key for problem in problems] == [OUR_PREFIX + name]
    assert problems[0].value == value
    assert words in problems[0].expected


@pytest.mark.parametrize("bound", ["min-scale=6", "max-scale=6", "max-scale=0"])
def test_schedules_obey_the_limit_on_the_most_pods(bound: str) -> None:
    annotations = {OUR_PREFIX + "schedules": f"0 8 * * * UTC 1h {bound}"}
    _, problems = read_additions(annotations, DEFAULTS, 5)
    assert [problem.expected for problem in problems] == ["bounds from 1 to 5, the max-scale-limit"]


def test_annotations_of_other_programs_are_not_ours_to_judge() -> None:
    _, problems = read_additions({OUR_PREFIX + "port": "x", "other/metrics": "x"}, DEFAULTS, 0)
    assert problems == ()


def test_what_holds_for_all_revisions_can_be_changed_for_one() -> None:
    defaults = AdditionDefaults(tolerance_percentage=10, credit_starting_pods=True)
    additions, _ = read_additions({OUR_PREFIX + "tolerance-percentage": "0"}, defaults, 0)
    assert additions.tolerance_ratio == 0
    assert additions.credit_starting_pods


def test_every_name_is_read() -> None:
    """An annotation that is taken for ours and read by nobody would be refused as unknown."""
    annotations = {OUR_PREFIX + name: "" for name in OF_SCALING}
    _, problems = read_additions(annotations, DEFAULTS, 0)
    assert not [problem for problem in problems if problem.expected.startswith("one of ")]
