"""What has happened to one revision's requests, as plain integers."""

from servingkit.core.histogram import Histogram


class RequestCounts:
    """Totals since the activator knows the revision."""

    __slots__ = ("by_code_class", "held", "refusals", "retries")

    def __init__(self) -> None:
        self.by_code_class = [0, 0, 0, 0, 0, 0]
        """Requests that ended, by the first digit of their status; 499 is a client that left."""
        self.held = Histogram()
        """How long those waited that did not get a pod at once."""
        self.refusals = 0
        """Times that a full pod turned a request down, which then waited on."""
        self.retries = 0
        """Times that a request was tried again because a pod failed it."""

    def __repr__(self) -> str:
        return f"<RequestCounts {sum(self.by_code_class)} ended, {self.retries} retries>"

    def request_ended(self, status: int, held_s: float) -> None:
        """Count a request; `held_s` is 0 for one that never waited."""
        self.by_code_class[status // 100] += 1
        if held_s > 0.0:
            self.held.observe(held_s)
