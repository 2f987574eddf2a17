"""Users of the sleeping sample server; each keeps one request in flight all the time.

locust -f loadtest/locustfiles/sleeper.py,loadtest/locustfiles/ramp.py --host http://…
"""

import os

from locust import FastHttpUser, constant, task

from loadtest.config import Config

SLEEP_MS = Config.from_env(os.environ).sleep_ms


class SleeperUser(FastHttpUser):
    """Asks for one sleep of LOADTEST_SLEEP_MS after the other."""

    wait_time = constant(0)

    network_timeout = 300.0
    """Seconds. A request at zero pods is held until one is ready."""

    @task
    def sleep(self) -> None:
        """Sleep once."""
        self.client.get(f"/?sleep={SLEEP_MS}")
