"""What has happened to one revision's requests, as plain integers."""

from activator.core.admission_queue import Bound
from activator.core.cold_start import Phase, PhaseTime
from servingkit.core.histogram import Histogram

OTHER_TENANT = "other"
"""Label of all tenants without a weight of their own: clients must not be able to make labels."""


class ClassCounts:
    """One tenant's or one priority's share of those that had to wait."""

    __slots__ = ("held", "refusals", "waiting")

    def __init__(self) -> None:
        self.waiting = 0
        self.refusals = 0
        self.held = Histogram()

    def __repr__(self) -> str:
        return f"<ClassCounts {self.waiting} waiting, {self.refusals} refused>"


class RequestCounts:
    """Totals since the activator knows the revision."""

    __slots__ = (
        "by_code_class",
        "by_priority",
        "by_tenant",
        "cold_starts",
        "ejections",
        "held",
        "phases",
        "refusals",
        "retries",
        "turned_away",
    )

    def __init__(self) -> None:
        self.by_code_class = [0, 0, 0, 0, 0, 0]
        """Requests that ended, by the first digit of their status; 499 is a client that left."""
        self.held = Histogram()
        """How long those waited that did not get a pod at once."""
        self.refusals = 0
        """Times that a full pod turned a request down, which then waited on."""
        self.retries = 0
        """Times that a request was tried again because a pod failed it."""
        self.ejections = 0
        """Times that a pod was ejected."""
        self.turned_away = dict.fromkeys(Bound, 0)
        """Requests that found no place to wait, by the bound that they met."""
        self.cold_starts = 0
        self.phases: dict[Phase, Histogram] = {phase: Histogram() for phase in Phase}
        self.by_tenant: dict[str, ClassCounts] = {}
        """Empty when tenants are not told apart, as are priorities."""
        self.by_priority: dict[str, ClassCounts] = {}

    def __repr__(self) -> str:
        return f"<RequestCounts {sum(self.by_code_class)} ended, {self.retries} retries>"

    def request_ended(self, status: int, held_s: float) -> None:
        """Count a request; `held_s` is 0 for one that never waited."""
        self.by_code_class[status // 100] += 1
        if held_s > 0.0:
            self.held.observe(held_s)

    def phase_ended(self, time: PhaseTime) -> None:
        """Count a phase of a cold start."""
        self.phases[time.phase].observe(time.seconds)
