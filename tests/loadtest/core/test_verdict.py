from collections.abc import Callable
from dataclasses import replace

import pytest

from loadtest.core.timeline import PodsSample, Request
from loadtest.core.verdict import Observed, broken_promises

MakeSample = Callable[..., PodsSample]


@pytest.fixture
def good(sample: MakeSample) -> Observed:
    """0 pods at 0 s, a first request at 1 s, 2 pods at 20 s, 0 pods at 99 s."""
    return Observed(
        first=Request(1, 4),
        load=(Request(5, 6), Request(6, 7)),
        samples=(sample(0), sample(3, starting=1), sample(4, 1), sample(20, 2), sample(99)),
    )


def judge(observed: Observed) -> list[str]:
    return list(broken_promises(observed, least_pods=2, most_pods=3))


def test_run_from_zero_to_two_pods_and_back_keeps_every_promise(good: Observed) -> None:
    assert judge(good) == []


def test_pods_before_the_first_request_are_told(good: Observed, sample: MakeSample) -> None:
    early = (sample(0.2, ready=1, starting=1), *good.samples)
    assert judge(replace(good, samples=early)) == [
        "the run begins at 0 pods, but up to 2 were seen"
    ]


def test_failed_first_request_is_told(good: Observed) -> None:
    assert judge(replace(good, first=Request(1, 2, "status 503: starting"))) == [
        "the request held at 0 pods is answered, but it failed: status 503: starting"
    ]


def test_failed_requests_are_counted_and_the_first_is_shown(good: Observed) -> None:
    load = (Request(5, 6), Request(5, 6, "status 502"), Request(5, 6, "wrong species"))
    assert judge(replace(good, load=load)) == [
        "no request of the load fails, but 2 of 3 did; the first: status 502"
    ]


def test_load_that_was_never_sent_is_told(good: Observed) -> None:
    assert judge(replace(good, load=())) == ["load is sent, but no request of it ended"]


@pytest.mark.parametrize(
    ("ready", "sentence"),
    [
        (1, "at least 2 pods are ready at once under load, but the most was 1"),
        (4, "never more than 3 pods are ready, but 4 were"),
    ],
)
def test_too_few_or_too_many_pods_are_told(
    good: Observed, sample: MakeSample, ready: int, sentence: str
) -> None:
    samples = (sample(0), sample(20, ready), sample(99))
    assert judge(replace(good, samples=samples)) == [sentence]


@pytest.mark.parametrize("left", ["ready", "starting", "leaving"])
def test_pod_that_is_left_in_any_state_is_told(
    good: Observed, sample: MakeSample, left: str
) -> None:
    samples = (*good.samples, sample(120, **{left: 1}))
    assert judge(replace(good, samples=samples)) == ["the run ends at 0 pods, but 1 were left"]


def test_silent_api_breaks_what_cannot_be_known(good: Observed) -> None:
    assert judge(replace(good, samples=())) == [
        "the run begins at 0 pods, but the API told of none",
        "at least 2 pods are ready at once under load, but the most was 0",
    ]
