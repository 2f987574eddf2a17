import pytest

from autoscaler.core.window import Aggregation
from servingkit.config import ConfigError
from servingkit.setting_reader import SettingReader, kebab_case


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("minScale", "min-scale"),
        ("min-scale", "min-scale"),
        ("scaleToZeroPodRetentionPeriod", "scale-to-zero-pod-retention-period"),
    ],
)
def test_the_older_spelling_means_the_same(written: str, name: str) -> None:
    assert kebab_case(written) == name


@pytest.mark.parametrize("names", [("min-scale", "minScale"), ("minScale", "min-scale")])
def test_of_two_spellings_the_newer_one_counts(names: tuple[str, str]) -> None:
    values = {"min-scale": "3", "minScale": "5"}
    reader = SettingReader({name: values[name] for name in names}, "")
    assert reader.whole("min-scale", 0) == 3
    reader.check()


@pytest.mark.parametrize(
    ("text", "meant"), [("true", True), ("T", True), ("1", True), ("False", False), ("0", False)]
)
def test_a_boolean_is_read_as_go_reads_it(text: str, meant: bool) -> None:
    reader = SettingReader({"a": text}, "")
    assert reader.flag("a", default=not meant) is meant
    reader.check()


def test_what_is_not_set_is_the_default() -> None:
    reader = SettingReader({"other/a": "1"}, "ours/")
    assert reader.number("a", 2.5, least=0) == 2.5
    assert reader.whole("b", 3) == 3
    assert reader.seconds("c", 4.0) == 4.0
    assert reader.flag("d", default=True)
    assert reader.choice("e", Aggregation.LINEAR) is Aggregation.LINEAR
    reader.check()


def test_a_bad_value_is_the_default_and_a_problem() -> None:
    reader = SettingReader({"ours/a": "x", "ours/d": "maybe", "ours/e": "cubic"}, "ours/")
    assert reader.number("a", 2.5, least=0) == 2.5
    assert not reader.flag("d", default=False)
    assert reader.choice("e", Aggregation.LINEAR) is Aggregation.LINEAR
    with pytest.raises(ConfigError) as refused:
        reader.check()
    assert str(refused.value).splitlines() == [
        "ours/a: 'x'; expected a number of at least 0",
        "ours/d: 'maybe'; expected true or false",
        "ours/e: 'cubic'; expected linear or weighted-exponential",
    ]


def test_a_name_that_nobody_asked_for_is_a_problem() -> None:
    reader = SettingReader({"ours/a": "1", "ours/minimum": "2"}, "ours/")
    reader.whole("a", 0)
    reader.whole("b", 0)
    assert [str(problem) for problem in reader.problems()] == [
        "ours/minimum: '2'; expected one of a, b"
    ]
