import pytest

from loadtest.config import Config
from loadtest.core.shape import Ramp, Step
from servingkit.config import ConfigError


def test_empty_environment_gives_the_ramp_of_the_sample() -> None:
    assert Config.from_env({}) == Config(
        ramp=Ramp(peak_users=30, up_s=20, hold_s=60, down_s=10),
        step=Step(peak_users=30, steps=3, step_s=30),
        sleep_ms=100,
        record="",
    )


def test_peak_is_that_of_every_shape() -> None:
    config = Config.from_env({"LOADTEST_PEAK_USERS": "7", "LOADTEST_HOLD_S": "1.5"})
    assert (config.ramp.peak_users, config.step.peak_users, config.ramp.hold_s) == (7, 7, 1.5)


def test_every_bad_setting_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_env({"LOADTEST_PEAK_USERS": "0", "LOADTEST_DOWN_S": "-1"})
    assert str(caught.value).splitlines() == [
        "LOADTEST_PEAK_USERS: '0'; expected a whole number from 1 to 2147483647",
        "LOADTEST_DOWN_S: '-1'; expected a number of seconds, at least 0",
    ]
