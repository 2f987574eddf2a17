"""All that a run of the benchmark found: kept as JSON, so that its page can be written again."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

from loadtest.bench.core.metric import Metric, Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Measurements, and under what circumstances they were taken."""

    date: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]

    peers: Mapping[str, str]
    """Name and description of each proxy that was measured."""

    skipped: Mapping[str, str]
    """Name of each proxy that was not measured, and why."""

    cases: Mapping[str, str]
    """Name and description of each case."""

    rounds: int
    """So many measurements stand behind each number: their median."""

    seconds: float
    """How long each of them took."""

    measured: Mapping[str, Mapping[str, Values]]
    """By case, then by proxy."""

    def value(self, case: str, peer: str, metric: Metric) -> float | None:
        """Return one number; None when it was not measured."""
        return self.measured.get(case, {}).get(peer, {}).get(metric)

    def ratio(self, case: str, peer: str, other: str, metric: Metric) -> float | None:
        """Return a peer's number divided by another's; None when one is missing or zero."""
        value, base = self.value(case, peer, metric), self.value(case, other, metric)
        return value / base if value is not None and base else None

    def to_json(self) -> str:
        """Return all of it as JSON."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what `to_json` wrote."""
        fields = json.loads(text)
        fields["measured"] = {
            case: {peer: _values(values) for peer, values in by_peer.items()}
            for case, by_peer in fields["measured"].items()
        }
        return cls(**fields)


def _values(values: Mapping[str, float]) -> Values:
    return {Metric(name): value for name, value in values.items()}
