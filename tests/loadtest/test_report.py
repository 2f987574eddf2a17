from pathlib import Path

import pytest

from loadtest.core.timeline import Request
from loadtest.report import Run, summarise, write_report


def test_report_is_a_table_and_a_picture_of_the_whole_run(tmp_path: Path) -> None:
    run = Run(
        title="a run",
        began_at=10.0,
        ended_at=12.5,
        requests=[Request(10.0, 11.0)],
        samples=[],
    )
    table, picture = write_report(run, tmp_path)
    assert len(table.read_text().splitlines()) == 1 + 3
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("requests", "words"),
    [
        ([], "0 requests, 0 failed"),
        ([Request(0, 1, "status 502")], "1 request, 1 failed"),
        (
            [Request(0, 0.1), Request(0, 2.0)],
            "2 requests, 0 failed; p50 100 ms, p95 2,000 ms, p99 2,000 ms",
        ),
    ],
)
def test_summary_counts_requests_and_tells_latencies(requests: list[Request], words: str) -> None:
    assert summarise(requests) == words
