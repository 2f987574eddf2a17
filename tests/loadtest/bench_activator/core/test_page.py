"""The page, and what a figure says of its aim."""

import pytest

from loadtest.bench_activator.core.figure import Answer, CaseResult, Figure, failures
from loadtest.bench_activator.core.page import Run, page


@pytest.mark.parametrize(
    ("value", "most", "met"), [(1.0, None, True), (2.0, 2.0, True), (2.01, 2.0, False)]
)
def test_an_aim_is_met_up_to_its_value(value: float, most: float | None, met: bool) -> None:
    assert Figure(text="", value=value, most=most).met is met


def test_failures_say_how_they_ended() -> None:
    figure = failures([Answer(200, 1.0), Answer(503, 1.0), Answer(503, 1.0), Answer(0, 1.0)])
    assert figure.value == 3
    assert figure.text == "requests not answered with 200 (1 broken, 2 503)"
    assert failures([Answer(200, 1.0)]).text == "requests not answered with 200"


def run(*, quick: bool = False) -> Run:
    figures = (
        Figure(text="memory", value=82.66, unit="MiB", most=250),
        Figure(text="ratio", value=2.345, most=2),
        Figure(text="requests", value=12_345.0),
    )
    case = CaseResult(name="held", title="Held", method="So.", figures=figures)
    return Run(
        date="2026-11-22", machine={"Cores": "2"}, versions={"Python": "3.11"}, quick=quick,
        cases=[case],
    )  # fmt: skip


def test_the_page_has_every_figure_and_a_verdict_on_each_aim() -> None:
    text = page(run(), "picture.png")
    assert "| Held: memory | 82.7 MiB | ≤ 250 MiB | met |" in text
    assert "| Held: ratio | 2.35 | ≤ 2 | **missed** |" in text
    assert "Held: requests" not in text
    assert "| requests | 12,345 |  |" in text
    assert "| Versions | Python 3.11 |" in text
    assert "](picture.png)" in text
    assert "quick run" not in text


def test_a_quick_run_says_so() -> None:
    assert "A quick run" in page(run(quick=True), "picture.png")
