from inflight.scaling.annotations import read_annotations
from inflight.scaling.fields import Fields
from inflight.scaling.options import DEFAULTS
from servingkit.config import Problem


def read(values: dict[object, object]) -> tuple[dict[str, str], list[Problem]]:
    problems: list[Problem] = []
    fields = Fields(values, problems, "settings.{}".format)
    return read_annotations(fields, DEFAULTS, problems), problems


def test_names_with_and_without_prefix_become_annotations() -> None:
    annotations, problems = read(
        {
            "scaling": {"target": 7, "prediction": "floor"},
            "annotations": {"autoscaling.knative.dev/window": "30s"},
        }
    )
    assert problems == []
    assert annotations == {
        "autoscaling.knative.dev/target": "7",
        "inflight.dev/prediction": "floor",
        "autoscaling.knative.dev/window": "30s",
    }


def test_problem_is_told_under_the_name_that_was_written() -> None:
    _, problems = read(
        {"scaling": {"target": 0}, "annotations": {"autoscaling.knative.dev/window": "1s"}}
    )
    assert {problem.key for problem in problems} == {
        "settings.scaling.target",
        "settings.annotations.autoscaling.knative.dev/window",
    }


def test_setting_given_twice_is_refused() -> None:
    _, problems = read(
        {"scaling": {"target": 1}, "annotations": {"autoscaling.knative.dev/target": "2"}}
    )
    assert [problem.key for problem in problems] == ["settings.scaling.target"]


def test_admission_is_checked_as_well() -> None:
    _, problems = read({"annotations": {"inflight.dev/lb-policy": "fastest"}})
    (problem,) = problems
    assert problem.key == "settings.annotations.inflight.dev/lb-policy"
    assert "least-loaded" in problem.expected


def test_names_of_ours_that_no_program_reads_are_refused() -> None:
    given = {"inflight.dev/lb-polcy": "least-loaded", "inflight.dev/port": "8080"}
    _, problems = read({"annotations": given})
    (problem,) = problems
    assert problem.key == "settings.annotations.inflight.dev/lb-polcy"
    assert problem.expected.startswith("one of these after inflight.dev/: adopt-service, ")
    assert " lb-policy, " in problem.expected


def test_a_name_that_is_no_scaling_setting_is_refused_with_all_that_are() -> None:
    _, problems = read({"scaling": {"min-scal": 1, "minScale": 2}})
    (problem,) = problems
    assert (problem.key, problem.value) == ("settings.scaling.min-scal", "1")
    names = problem.expected.removeprefix("one of ").split(", ")
    assert {"min-scale", "target", "schedules", "metrics"} <= set(names)
    assert names == sorted(names)


def test_names_of_knative_that_nobody_reads_are_refused() -> None:
    _, problems = read({"annotations": {"autoscaling.knative.dev/targt": "1"}})
    (problem,) = problems
    assert problem.key == "settings.annotations.autoscaling.knative.dev/targt"
    assert problem.expected.startswith("one of these after autoscaling.knative.dev/: ")
