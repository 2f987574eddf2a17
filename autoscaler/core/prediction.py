"""What load to expect when a pod that is asked for now is ready: a straight line through the past.

Each decision adds the load it saw (the panic average) to a history of some minutes. The line that
fits it best (least squares) is followed to the horizon, which should be the time that a pod takes
to start. So a load that grows steadily finds its pods ready instead of waiting for them.

It knows nothing of days and weeks: a load that jumps at nine o'clock is for schedules. It follows
chance a little, as every line through scattered points does, and so asks for a pod too many now and
then. Therefore it is a floor only, never less than the load asks for; it says nothing until the
history spans half its window, stays under twice the most that was seen, and brings no pod to a
revision without load.

Worked example: 10 in flight at 0 s, 20 at 30 s, 30 at 60 s. A horizon of 60 s from there: 50.
"""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

_LEAST_APART_S = 1.0
"""Samples that come closer are left out: decisions taken at once must not outweigh the others."""

_LEAST_SAMPLES = 3
_MOST_GROWTH_RATIO = 2.0


class PredictionMode(Enum):
    """What a prediction may do."""

    OFF = "off"
    PREVIEW = "preview"
    """It is told, and changes nothing."""

    FLOOR = "floor"
    """No fewer pods than it asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionSettings:
    """How far is looked back and ahead."""

    mode: PredictionMode
    window_s: float
    horizon_s: float


class Sample(NamedTuple):
    """Load at one moment."""

    at: float
    value: float


History = tuple[Sample, ...]
"""Oldest first."""


class Prediction(NamedTuple):
    """What is expected, and the pods for it."""

    value: float
    horizon_s: float
    pods: int
    mode: PredictionMode


def remember(settings: PredictionSettings, history: History, value: float, now: float) -> History:
    """Return the history with the load at `now`, without what is older than the window."""
    if history and now - history[-1].at < _LEAST_APART_S:
        return history
    oldest = now - settings.window_s
    return (*(sample for sample in history if sample.at > oldest), Sample(now, value))


def predict(settings: PredictionSettings, history: History) -> float | None:
    """Return the load at the horizon from the newest sample, 0 or more; None: too little is known.

    The line is fitted in times that count from the newest sample, so that it is the value there.
    """
    if len(history) < _LEAST_SAMPLES or _span_s(history) < settings.window_s / 2:
        return None
    newest = history[-1].at
    count = len(history)
    mean_at = sum(sample.at - newest for sample in history) / count
    mean_value = sum(sample.value for sample in history) / count
    spread = sum((sample.at - newest - mean_at) ** 2 for sample in history)
    slope = (
        sum((sample.at - newest - mean_at) * (sample.value - mean_value) for sample in history)
        / spread
    )
    expected = mean_value + slope * (settings.horizon_s - mean_at)
    most = _MOST_GROWTH_RATIO * max(sample.value for sample in history)
    return min(max(0.0, expected), most)


def _span_s(history: History) -> float:
    return history[-1].at - history[0].at
