import pytest

from loadtest.config import Config
from loadtest.demo_plan import FULL, QUICK, DemoPlan


def test_full_demo_keeps_the_windows_that_revisions_have_by_default() -> None:
    options = {setting.option for setting in FULL.settings()}
    assert options == {"--target", "--container-concurrency", "--max-scale", "--initial-scale"}


def test_quick_demo_tells_its_short_windows() -> None:
    told = {setting.option: (setting.value, setting.default) for setting in QUICK.settings()}
    assert told["--window"] == ("10s", "60s")
    assert told["--scale-to-zero-grace-period"] == ("5s", "30s")


@pytest.mark.parametrize("plan", [FULL, QUICK])
def test_what_is_told_is_what_inflight_local_is_given(plan: DemoPlan) -> None:
    arguments = list(plan.arguments())
    for setting in plan.settings():
        assert arguments[arguments.index(setting.option) + 1] == setting.value
    assert arguments[-3:][1:] == ["-m", "loadtest.iris"]


@pytest.mark.parametrize("plan", [FULL, QUICK])
def test_load_of_the_plan_is_what_locust_reads(plan: DemoPlan) -> None:
    assert Config.from_env(plan.environ()).ramp == plan.ramp


def test_full_demo_has_time_to_spare_in_four_minutes() -> None:
    load_s = FULL.ramp.up_s + FULL.ramp.hold_s + FULL.ramp.down_s
    assert load_s + FULL.zero_within_s() < 4 * 60 - 30
