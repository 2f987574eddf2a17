import pytest

from loadtest.bench.core.names import OURS
from loadtest.bench.core.page import page
from loadtest.bench.core.results import Results


@pytest.fixture
def text(results: Results) -> str:
    return page(results, "picture.png")


def test_page_has_values_and_ratios(text: str) -> None:
    assert "| `inflight` | 40.0 | 7 % | 2.00 | 0.44 | 12,346 | 1.00 | 9.00 | 30.0 |" in text
    assert "| `inflight` | 30.5 | 2.5 |" in text


def test_page_says_which_aims_are_met(text: str) -> None:
    assert "| ≤ 0.5 x Go | 0.44 x Go: met | 0.56 x Go: **not met** |" in text


def test_page_says_on_what_it_ran(text: str) -> None:
    assert "| Date | 2026-11-22 |" in text
    assert "| Processor | abacus |" in text
    assert "| Versions | wrk 4.1.0, nginx 1.22.1 |" in text
    assert "| Rounds | 3, each of 4 s after the warm-up |" in text


def test_page_shows_the_picture_and_who_was_skipped(text: str) -> None:
    assert "](picture.png)" in text
    assert "- `haproxy`: not measured, haproxy is not installed: apt-get install haproxy" in text


def test_page_counts_what_failed_in_its_own_words(text: str) -> None:
    assert "`inflight-limited`: 3 requests failed." in text
    assert "`nginx`: 200 streams failed." in text
    assert "`inflight`: 0" not in text


def test_page_has_no_number_where_there_is_none(text: str) -> None:
    assert "nan" not in text


def test_page_of_one_case_and_one_proxy_has_no_ratios(results: Results) -> None:
    values = results.measured["post-1"][OURS]
    text = page(
        Results(
            date=results.date,
            machine={},
            versions={},
            peers={OURS: "ours"},
            skipped={},
            cases={"post-1": "one"},
            rounds=1,
            seconds=1,
            measured={"post-1": {OURS: values}},
        ),
        "picture.png",
    )
    assert "| `inflight` | 80.0 | 7 % | - | - | 12,346 |" in text
    assert "idle" not in text.partition("## one")[2]
