import asyncio
from pathlib import Path

import pytest

from loadtest.bench.command import exit_code_of, write_page
from loadtest.bench.core.bench_error import BenchError


def test_benchmark_that_went_through_ends_with_zero() -> None:
    assert exit_code_of(lambda: None) == 0


@pytest.mark.parametrize(
    "error",
    [BenchError("wrk is not here"), ExceptionGroup("clients", [BenchError("wrk is not here")])],
    ids=["alone", "in a group"],
)
def test_failure_is_told_without_a_traceback(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    def benchmark() -> None:
        raise error

    assert exit_code_of(benchmark) == 1
    assert capsys.readouterr().err == "wrk is not here\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt, asyncio.CancelledError])
def test_stopped_benchmark_says_so(
    error: type[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    def benchmark() -> None:
        raise error

    assert exit_code_of(benchmark) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_bug_is_no_failure_of_the_benchmark() -> None:
    def benchmark() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        exit_code_of(benchmark)


def test_page_names_the_picture_beside_it(tmp_path: Path) -> None:
    docs = tmp_path / "new" / "docs"
    path = write_page(docs, "results", "![]({})".format, Path.touch)
    assert path.read_text() == "![](results.png)"
    assert sorted(file.name for file in docs.iterdir()) == ["results.md", "results.png"]
