"""Makes a pure shape one that locust follows."""

from locust import LoadTestShape

from loadtest.core.shape import Shape


class PlannedShape(LoadTestShape):
    """Follows `plan`, which a locustfile's subclass sets."""

    abstract = True
    plan: Shape

    def tick(self) -> tuple[int, float] | None:
        """Return the users wanted now and how many may come or go in a second; None: stop."""
        elapsed_s: float = self.get_run_time()  # type: ignore[no-untyped-call]  # locust's
        users = self.plan.users_at(elapsed_s)
        return None if users is None else (users, self.plan.peak_users)
