"""What the sidecar counts of requests.

It happens on every request, so it is plain integers; prometheus-client sees them when somebody
scrapes.
"""

from servingkit.core.histogram import Histogram


class RequestMetrics:
    """Counts of requests by status, their times and their bytes. Probes are not requests."""

    __slots__ = (
        "answer_bytes",
        "by_status",
        "durations",
        "first_bytes",
        "queue_waits",
        "request_bytes",
    )

    def __init__(self) -> None:
        self.by_status: dict[int, int] = {}
        self.durations = Histogram()
        self.queue_waits = Histogram()
        self.first_bytes = Histogram()  # of the model's answers, not of our own
        self.request_bytes = 0  # of bodies, and of what went through WebSockets
        self.answer_bytes = 0

    def __repr__(self) -> str:
        return f"<RequestMetrics {self.by_status}>"

    def request_ended(self, status: int, duration_s: float) -> None:
        """Count a request; 499 is a client that left before its answer began."""
        self.by_status[status] = self.by_status.get(status, 0) + 1
        self.durations.observe(duration_s)
