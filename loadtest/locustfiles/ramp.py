"""The load of Knative's autoscale sample: up to a number of requests in flight, hold, down."""

import os

from loadtest.config import Config
from loadtest.core.shape import Shape
from loadtest.planned_shape import PlannedShape


class RampShape(PlannedShape):
    """LOADTEST_PEAK_USERS in LOADTEST_UP_S, for LOADTEST_HOLD_S, and away in LOADTEST_DOWN_S."""

    plan: Shape = Config.from_env(os.environ).ramp
