from dataclasses import replace

import pytest

from loadtest.bench_autoscaler.core.page import growth, page
from tests.loadtest.bench_autoscaler.measured import results, values


def test_aims_are_judged() -> None:
    text = page(results(), "x.png")
    assert "| 10,000 revisions decided every 2 s | ≤ 0.5 cores | 0.40 cores | met |" in text
    assert "| poke beside 10,000 revisions, p99 | ≤ 20 ms | 12.50 ms | met |" in text
    text = page(results(most_cores=0.75), "x.png")
    assert "| ≤ 0.5 cores | 0.75 cores | **not met** |" in text
    assert "| ≤ 1.2 x | 1.50 x | **not met** |" in text


def test_growth_in_proportion_is_one() -> None:
    assert growth(results(most_cores=0.5)) == pytest.approx(1.0)
    assert growth(replace(results(), measured={})) is None


def test_others_are_shown_beside_ours() -> None:
    text = page(results(), "x.png")
    assert "| `inflight` | 0.250 | 50.0 | 5,000 | 0 |" in text
    assert "| `aiohttp` | 0.600 | 50.0 | 5,000 | 3 |" in text
    assert "| `websockets` | 0.100 | 50.0 | 5,000 | - |" in text
    assert "![CPU for decisions, stats and scrapes](x.png)" in text


def test_what_was_not_measured_is_said() -> None:
    text = page(replace(results(), measured={}), "x.png")
    assert "| 2,000 pods scraped each second | ≤ 0.5 cores | - | not measured |" in text


def test_cpu_for_work_that_was_not_done_meets_no_aim() -> None:
    slow = replace(
        results(), measured={**results().measured, "decide 10000": values(0.3, per_second=1600)}
    )
    assert "| 0.30 cores | **not kept up**: 1,600 a second of 5,000 |" in page(slow, "x.png")
