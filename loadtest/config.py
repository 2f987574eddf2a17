"""Settings of the locustfiles, from the environment.

Locust passes its environment to what it loads, so the same names work for plain `locust -f` and
for `python -m loadtest run`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from loadtest.core.shape import Ramp, Step
from servingkit.config import EnvReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How much load, in what shape. Each `read_` problem is raised as ConfigError."""

    ramp: Ramp
    """LOADTEST_PEAK_USERS, LOADTEST_UP_S, LOADTEST_HOLD_S, LOADTEST_DOWN_S."""

    step: Step
    """LOADTEST_PEAK_USERS, LOADTEST_STEPS, LOADTEST_STEP_S."""

    sleep_ms: int
    """LOADTEST_SLEEP_MS: how long each request to the sleeper sleeps."""

    record: str
    """LOADTEST_RECORD: file for one JSON line a request. Empty: none is written."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Config":
        """Read all settings. Raises ConfigError that names every bad one."""
        reader = EnvReader(environ)
        peak_users = reader.integer("LOADTEST_PEAK_USERS", 30, least=1)
        config = cls(
            ramp=Ramp(
                peak_users=peak_users,
                up_s=reader.seconds("LOADTEST_UP_S", 20),
                hold_s=reader.seconds("LOADTEST_HOLD_S", 60),
                down_s=reader.seconds("LOADTEST_DOWN_S", 10),
            ),
            step=Step(
                peak_users=peak_users,
                steps=reader.integer("LOADTEST_STEPS", 3, least=1),
                step_s=reader.seconds("LOADTEST_STEP_S", 30, least=1),
            ),
            sleep_ms=reader.integer("LOADTEST_SLEEP_MS", 100),
            record=reader.text("LOADTEST_RECORD", ""),
        )
        reader.check()
        return config
