"""Numbers and lists of mappings, with the words for what is wrong."""

import pytest

from inflight.scaling.fields import Fields
from servingkit.config import Problem


def fields(values: dict[object, object]) -> tuple[Fields, list[Problem]]:
    problems: list[Problem] = []
    return Fields(values, problems, "file.{}".format), problems


@pytest.mark.parametrize(("value", "number"), [(1, 1.0), (0.5, 0.5), (100, 100.0)])
def test_numbers_within_their_bounds_are_taken(value: float, number: float) -> None:
    read, problems = fields({"percent": value})
    assert read.number("percent", 7.0, above=0, most=100) == number
    assert not problems


@pytest.mark.parametrize("value", [0, -1, 100.1, "5", True, None, float("nan")])
def test_other_values_are_refused_and_yield_the_default(value: object) -> None:
    read, problems = fields({"percent": value})
    assert read.number("percent", 7.0, above=0, most=100) == 7.0
    (problem,) = problems
    assert problem.key == "file.percent"
    assert problem.expected == "a number above 0, at most 100"


def test_mappings_in_a_list_are_named_by_their_place() -> None:
    read, problems = fields({"traffic": [{"percent": 1}, {"percent": "x"}]})
    first, second = read.inners("traffic")
    assert first.whole("percent", 0) == 1
    assert second.whole("percent", 0) == 0
    assert [problem.key for problem in problems] == ["file.traffic[1].percent"]


def test_what_is_no_list_or_no_mapping_is_refused() -> None:
    read, problems = fields({"traffic": 3, "routes": [1, {}]})
    assert read.inners("traffic") == ()
    assert len(read.inners("routes")) == 1
    assert read.inners("absent") == ()
    assert [problem.key for problem in problems] == ["file.traffic", "file.routes[0]"]
