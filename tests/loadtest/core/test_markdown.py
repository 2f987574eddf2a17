import pytest

from loadtest.core.markdown import fact_table, number, table, versions_in_words


def test_table_aligns_numbers_right() -> None:
    assert table(["", "n"], [["a", "1"]]) == "|  | n |\n| --- | ---: |\n| a | 1 |"


def test_facts_have_a_line_each() -> None:
    facts = {"Cores": "2", "Versions": versions_in_words({"wrk": "4.1", "nginx": "1.22"})}
    assert fact_table(facts).splitlines()[2:] == [
        "| Cores | 2 |",
        "| Versions | wrk 4.1, nginx 1.22 |",
    ]


@pytest.mark.parametrize("value", [None, float("nan")], ids=["none", "not a number"])
def test_what_was_not_measured_is_a_dash(value: float | None) -> None:
    assert number(value, "{:.1f}") == "-"


def test_number_is_written_as_asked() -> None:
    assert number(1234.56, "{:,.1f} ms") == "1,234.6 ms"
