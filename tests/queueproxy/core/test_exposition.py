"""A model's page of metrics below the sidecar's."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from queueproxy.core.exposition import MalformedPageError, foreign_half

PAGE = """\
# HELP vllm:tokens_total Tokens, and a backslash \\\\.
# TYPE vllm:tokens_total counter
vllm:tokens_total{model="a b",text="x} 1 \\"y\\""} 1.5e+06
# a plain comment

# TYPE temperature gauge
temperature NaN
temperature{gpu="0"} -Inf 1700000000000
latency_bucket{le="+Inf"} 3
"""


def test_good_lines_pass_as_they_are_and_comments_do_not() -> None:
    expected = [line for line in PAGE.splitlines() if line and line != "# a plain comment"]
    assert foreign_half(PAGE).splitlines() == expected
    assert list(text_string_to_metric_families(foreign_half(PAGE)))


def test_families_with_the_sidecars_names_are_left_out() -> None:
    page = "# TYPE inflight_requests counter\ninflight_requests_total 3\nmine 1\n"
    assert foreign_half(page) == "mine 1\n"


def test_the_end_mark_of_openmetrics_does_not_pass() -> None:
    assert foreign_half("mine 1\n# EOF\n") == "mine 1\n"


def test_a_last_line_without_its_end_gets_one() -> None:
    assert foreign_half("mine 1") == "mine 1\n"


@pytest.mark.parametrize(
    "line", ["<html>", "mine", "mine one", "1mine 2", 'mine{a="b" 1', "mine 1 2 3", "mine{} 0x10"]
)
def test_one_bad_line_spoils_the_page(line: str) -> None:
    with pytest.raises(MalformedPageError):
        foreign_half(f"good 1\n{line}\n")
