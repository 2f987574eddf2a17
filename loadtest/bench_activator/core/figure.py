"""One number that was measured, with what was aimed at."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request. `status` 0: the connection broke."""

    status: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number with its unit."""

    text: str
    """What it is, for a table."""

    value: float
    unit: str = ""

    most: float | None = None
    """The aim: not above this. None: only told."""

    @property
    def met(self) -> bool:
        """Whether the aim is met; True without one."""
        return self.most is None or self.value <= self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """All numbers of one case."""

    name: str
    title: str
    method: str
    figures: Sequence[Figure]

    series: dict[str, Sequence[float]] = field(default_factory=dict)
    """What the picture shows, by name."""


def failures(answers: Sequence[Answer]) -> Figure:
    """Return how many requests were not answered with 200, and how they ended instead."""
    others = Counter(answer.status for answer in answers if answer.status != _OK)
    how = ", ".join(f"{count} {status or 'broken'}" for status, count in sorted(others.items()))
    text = f"requests not answered with 200 ({how})" if how else "requests not answered with 200"
    return Figure(text=text, value=others.total(), most=0)
