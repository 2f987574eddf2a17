"""Users that have the iris model classify real flowers, and know the right answers.

locust -f loadtest/locustfiles/iris.py,loadtest/locustfiles/ramp.py --host http://…
"""

import random

from locust import FastHttpUser, constant, task

from loadtest.iris.flowers import read_flowers
from loadtest.iris.question import PATH, Question

FLOWERS = read_flowers()


class IrisUser(FastHttpUser):
    """Asks about ten flowers at a time; a wrong species is a failure like any other."""

    wait_time = constant(0.01)
    """Seconds between an answer and the next question."""

    network_timeout = 300.0
    """Seconds. A request at zero pods is held until one is ready."""

    @task
    def classify(self) -> None:
        """Send flowers, check their species."""
        question = Question(random.sample(FLOWERS, 10))
        with self.client.post(PATH, json=question.payload(), catch_response=True) as response:
            fault = question.fault_in(response.status_code, response.content or b"")
            if fault:
                response.failure(fault)
            else:
                response.success()
