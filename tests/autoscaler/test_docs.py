"""The tables of docs/autoscaling.md say what the code reads: every name, and no other."""

import re
from pathlib import Path

import pytest

from autoscaler.core.defaults import BUILT_IN, parse_defaults
from autoscaler.core.settings import NAMES, PREFIX, PROGRESS_DEADLINE, parse_annotations
from servingkit.config import ConfigError
from servingkit.core.annotation_names import OF_SCALING, OUR_PREFIX

PAGE = (Path(__file__).parents[2] / "docs" / "autoscaling.md").read_text()


def table(begin: str) -> list[list[str]]:
    """Return the cells of the table whose head begins with `begin`, without head and line."""
    rows = PAGE.partition(f"\n| {begin} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def known_names(error: ConfigError) -> set[str]:
    """Return the names that a refusal of an unknown one lists."""
    return set(error.problems[0].expected.removeprefix("one of ").split(", "))


ANNOTATIONS = {row[0].strip("`") for row in table("annotation")}
KEYS = {key for row in table("annotation") for key in re.findall(r"\(`([a-z-]+)`\)", row[1])} | {
    row[0].strip("`") for row in table("key")
}


def test_every_annotation_is_in_the_table() -> None:
    assert {*NAMES, *OF_SCALING, PROGRESS_DEADLINE} == ANNOTATIONS


def test_every_key_of_the_defaults_is_in_the_tables() -> None:
    with pytest.raises(ConfigError) as refused:
        parse_defaults({"no-such-name": ""})
    assert known_names(refused.value) == KEYS


@pytest.mark.parametrize("row", table("key"), ids=lambda row: str(row[0]))
def test_a_default_in_the_table_is_the_one_in_force(row: list[str]) -> None:
    assert parse_defaults({row[0].strip("`"): row[1]}) == BUILT_IN


@pytest.mark.parametrize(
    "row", [row for row in table("annotation") if row[1] != "none"], ids=lambda row: str(row[0])
)
def test_a_default_of_an_annotation_is_the_one_in_force(row: list[str]) -> None:
    """Written out, it changes nothing; those that are said in words are left out."""
    name, default = row[0].strip("`"), row[1].partition(" (")[0]
    if " " in default:
        return
    key = name if "/" in name else (OUR_PREFIX if name in OF_SCALING else PREFIX) + name
    assert parse_annotations({key: default}, BUILT_IN) == parse_annotations({}, BUILT_IN)
