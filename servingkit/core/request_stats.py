"""Time-weighted concurrency from arrival and departure events.

Between two events the number of requests in flight is constant, so the average over a period is
the sum of (requests x seconds) divided by the seconds: no sampling, and a request of 3 ms counts
with 3 ms. Example: one request from t=0 to t=1, another from t=0 to t=2, reported at t=2: the
integral is 2x1 + 1x1 = 3, over 2 s that is 1.5.

The sidecar has one of these; the activator one for each revision. Behaviour: Knative's
`RequestStats` (queue-proxy), including that a clock which steps back is ignored.
"""

from typing import NamedTuple


class RequestStatsReport(NamedTuple):
    """Averages over one period, and arrivals in it (a count, not a rate)."""

    average_concurrency: float
    average_proxied_concurrency: float
    request_count: int
    proxied_request_count: int


class RequestStats:
    """Counts requests in flight; reports their average since the last report."""

    __slots__ = (
        "_changed_at",
        "_proxied_request_seconds",
        "_request_seconds",
        "_seconds",
        "concurrency",
        "proxied_concurrency",
        "proxied_request_count",
        "request_count",
    )

    def __init__(self, now: float) -> None:
        self.concurrency = 0
        self.proxied_concurrency = 0
        self.request_count = 0
        self.proxied_request_count = 0
        self._changed_at = now
        self._request_seconds = 0.0
        self._proxied_request_seconds = 0.0
        self._seconds = 0.0

    def __repr__(self) -> str:
        return f"<RequestStats {self.concurrency} in flight, {self.request_count} arrived>"

    def request_arrived(self, now: float, *, proxied: bool = False) -> None:
        """Count a request in. A proxied one counts in both totals."""
        self._advance(now)
        self.concurrency += 1
        self.request_count += 1
        if proxied:
            self.proxied_concurrency += 1
            self.proxied_request_count += 1

    def request_left(self, now: float, *, proxied: bool = False) -> None:
        """Count a request out; `proxied` must be what it was on arrival."""
        self._advance(now)
        self.concurrency -= 1
        if proxied:
            self.proxied_concurrency -= 1

    def report(self, now: float) -> RequestStatsReport:
        """Return the averages since the last report and start a new period."""
        self._advance(now)
        seconds = self._seconds
        report = RequestStatsReport(
            self._request_seconds / seconds if seconds > 0 else 0.0,
            self._proxied_request_seconds / seconds if seconds > 0 else 0.0,
            self.request_count,
            self.proxied_request_count,
        )
        self.request_count = self.proxied_request_count = 0
        self._request_seconds = self._proxied_request_seconds = self._seconds = 0.0
        return report

    def _advance(self, now: float) -> None:
        elapsed = now - self._changed_at
        if elapsed > 0:
            self._request_seconds += self.concurrency * elapsed
            self._proxied_request_seconds += self.proxied_concurrency * elapsed
            self._seconds += elapsed
            self._changed_at = now
