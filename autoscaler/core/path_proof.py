"""Whether it is shown that activators receive what clients send to a revision's public name.

What was written to the cluster says where traffic should go; nodes follow later, and somebody else
may have written, too. So before the last pod goes, the public address itself is asked. An answer of
the revision's activators counts for a few seconds; after any other, the next question waits, for
longer each time.

Source: Knative's scaler, which asks each second for 45 s, and then again at the next tick.
"""

from dataclasses import dataclass
from typing import Final

PROVEN_FOR_S: Final = 10.0
"""Long enough for the next decision, and for a write that has to be repeated."""

TOLD_AFTER_FAILURES: Final = 4
"""Some seconds, in which nodes may still follow; later a person may have to mend something."""

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class PathProof:
    """What the questions to one revision's public name have shown."""

    passed_at: float | None = None
    """When an activator answered last. None: what came last was something else."""

    problem: str = "its public address has not been asked yet"
    failures: int = 0
    """Answers in a row that were not an activator's."""

    ask_at: float = float("-inf")

    def missing(self, now: float) -> str | None:
        """Return why nothing is shown; None: the activators are in the path."""
        if self.passed_at is not None and now - self.passed_at <= PROVEN_FOR_S:
            return None
        return self.problem

    def after(self, problem: str | None, now: float) -> "PathProof":
        """Return what is known after an answer; None: it was an activator's of the revision."""
        if problem is None:
            return PathProof(passed_at=now)
        pause_s = min(_FIRST_PAUSE_S * 2**self.failures, _LONGEST_PAUSE_S)
        return PathProof(problem=problem, failures=self.failures + 1, ask_at=now + pause_s)


UNASKED: Final = PathProof()
"""While the last pod is wanted, nobody asks."""
