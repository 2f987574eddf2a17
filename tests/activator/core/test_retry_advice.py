"""When a refused client should come again."""

import pytest

from activator.core.retry_advice import RetryAdvice


def test_the_advice_while_starting_is_what_is_left_of_the_longest_recent_start() -> None:
    advice = RetryAdvice()
    for seconds in (20.0, 31.5, 25.0):
        advice.cold_start_took(seconds)
    assert advice.starting_s(elapsed_s=0.0) == 32
    assert advice.starting_s(elapsed_s=30.0) == 2
    assert advice.starting_s(elapsed_s=100.0) == 1


def test_old_starts_are_forgotten() -> None:
    advice = RetryAdvice()
    for seconds in (200.0, *[5.0] * 8):
        advice.cold_start_took(seconds)
    assert advice.starting_s(elapsed_s=0.0) == 5


def test_the_advice_while_pods_serve_is_the_mean_of_recent_waits() -> None:
    advice = RetryAdvice()
    for seconds in (1.0, 2.0, 6.0):
        advice.waited(seconds)
    assert advice.queueing_s() == 3


@pytest.mark.parametrize(("seconds", "advised"), [(0.001, 1), (10_000.0, 300)])
def test_the_advice_is_bounded(seconds: float, advised: int) -> None:
    advice = RetryAdvice()
    advice.waited(seconds)
    advice.cold_start_took(seconds)
    assert (advice.queueing_s(), advice.starting_s(0.0)) == (advised, advised)


def test_before_anything_was_seen_there_is_a_guess() -> None:
    advice = RetryAdvice()
    assert advice.queueing_s() == 1
    assert advice.starting_s(elapsed_s=0.0) == 10
