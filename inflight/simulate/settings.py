"""What a person asks `inflight simulate` for, checked."""

from dataclasses import dataclass
from pathlib import Path

from inflight.simulate.core.load import Load
from inflight.simulate.core.simulation import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateSettings:
    """All that one `inflight simulate` does."""

    load: Load
    scenarios: dict[str, Scenario]
    """By name, in the order of showing: one, or two that are compared."""

    seed: int
    """The same seed gives the same requests."""

    csv: Path | None
    plot: Path | None
