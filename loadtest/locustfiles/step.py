"""Load in equal steps, which shows how long each next pod takes."""

import os

from loadtest.config import Config
from loadtest.core.shape import Shape
from loadtest.planned_shape import PlannedShape


class StepShape(PlannedShape):
    """LOADTEST_PEAK_USERS in LOADTEST_STEPS steps of LOADTEST_STEP_S each."""

    plan: Shape = Config.from_env(os.environ).step
