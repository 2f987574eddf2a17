import os

import pytest

from loadtest.bench_autoscaler.process import SubjectError, running

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


async def test_a_subject_answers_as_often_as_it_is_asked_and_ends_with_its_input() -> None:
    cores = os.sched_getaffinity(0)
    async with running("scraping", "inflight", "0", "1", cores=cores) as (subject, ready):
        assert ready == {}
        first, second = await subject.ask(), await subject.ask()
        assert 0 < first["cpu_s"] <= second["cpu_s"]
        assert second["rss_bytes"] > 0
        assert second["scrapes"] == 0
        process = subject._process
    assert process.returncode == 0


async def test_a_subject_that_ends_by_itself_is_named() -> None:
    with pytest.raises(SubjectError, match="scraping nonsense 0 1 ended with 1"):
        async with running("scraping", "nonsense", "0", "1", cores=os.sched_getaffinity(0)):
            pass
