"""What the demo runs: the revision's settings and the load."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from loadtest.core.shape import Ramp

LEAST_PODS, MOST_PODS = 2, 3
"""So many pods must be ready under load, and no more may be: two cores carry three."""

TARGET = 4
PEAK_USERS = 12
"""In flight when the pods are busy: more than one or two pods should have, on any machine."""

SLACK_S = 30
"""Going to zero may take so much longer than window and grace period together."""


class Setting(NamedTuple):
    """An option of `inflight local`, the demo's value and the default."""

    option: str
    value: str
    default: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlan:
    """How long the parts of the demo take."""

    stable_window_s: int
    grace_period_s: int
    ramp: Ramp

    def settings(self) -> Iterator[Setting]:
        """Yield what differs from the defaults."""
        settings = (
            Setting("--target", f"{TARGET}", "100"),
            Setting("--container-concurrency", f"{TARGET}", "0"),
            Setting("--max-scale", f"{MOST_PODS}", "0"),
            Setting("--initial-scale", "0", "1"),
            Setting("--window", f"{self.stable_window_s}s", "60s"),
            Setting("--scale-to-zero-grace-period", f"{self.grace_period_s}s", "30s"),
        )
        return (setting for setting in settings if setting.value != setting.default)

    def arguments(self) -> Iterator[str]:
        """Yield the arguments of `inflight local`."""
        yield from ("--name", "iris", "--port", "0", "--api-port", "0")
        for setting in self.settings():
            yield from (setting.option, setting.value)
        yield from ("--", sys.executable, "-m", "loadtest.iris")

    def environ(self) -> dict[str, str]:
        """Return the load as `loadtest.config` reads it."""
        return {
            "LOADTEST_PEAK_USERS": str(self.ramp.peak_users),
            "LOADTEST_UP_S": str(self.ramp.up_s),
            "LOADTEST_HOLD_S": str(self.ramp.hold_s),
            "LOADTEST_DOWN_S": str(self.ramp.down_s),
        }

    def zero_within_s(self) -> int:
        """Return how long after the load the last pod may go."""
        return self.stable_window_s + self.grace_period_s + SLACK_S


FULL = DemoPlan(
    stable_window_s=60,
    grace_period_s=30,
    ramp=Ramp(peak_users=PEAK_USERS, up_s=15, hold_s=45, down_s=10),
)
"""With the windows that a revision has by default; under four minutes."""

QUICK = DemoPlan(
    stable_window_s=10,
    grace_period_s=5,
    ramp=Ramp(peak_users=PEAK_USERS, up_s=5, hold_s=25, down_s=3),
)
"""With windows too short for production; about a minute."""
