import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.prediction import (
    History,
    PredictionMode,
    PredictionSettings,
    predict,
    remember,
)

SETTINGS = PredictionSettings(mode=PredictionMode.FLOOR, window_s=120, horizon_s=60)


def seen(*values: float, every_s: float = 2.0) -> History:
    history: History = ()
    for index, value in enumerate(values):
        history = remember(SETTINGS, history, value, every_s * index)
    return history


def test_a_steady_growth_is_followed_to_the_horizon() -> None:
    assert predict(SETTINGS, seen(10, 20, 30, every_s=30)) == pytest.approx(50)


def test_a_constant_load_is_expected_to_stay() -> None:
    assert predict(SETTINGS, seen(*[7.0] * 60)) == pytest.approx(7)


def test_a_falling_load_is_expected_to_end_at_zero_and_not_below() -> None:
    assert predict(SETTINGS, seen(*range(60, 0, -1))) == 0


def test_nothing_is_said_until_the_history_spans_half_its_window() -> None:
    assert predict(SETTINGS, seen(*range(30))) is None
    assert predict(SETTINGS, seen(*range(31))) is not None


def test_growth_beyond_twice_the_most_seen_is_not_believed() -> None:
    far = PredictionSettings(mode=PredictionMode.FLOOR, window_s=120, horizon_s=1800)
    assert predict(far, seen(*range(60))) == 2 * 59


def test_what_is_older_than_the_window_is_forgotten() -> None:
    history = seen(*[1.0] * 200)
    assert history[0].at > history[-1].at - 120


def test_decisions_taken_at_once_do_not_outweigh_the_others() -> None:
    assert len(seen(*[1.0] * 20, every_s=0.1)) == 2


@given(st.lists(st.floats(0, 1e6), max_size=80))
def test_a_prediction_is_never_below_zero_nor_over_twice_the_most(values: list[float]) -> None:
    expected = predict(SETTINGS, seen(*values))
    assert expected is None or 0 <= expected <= 2 * max(values)
