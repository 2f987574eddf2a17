"""What happened in the local cluster, for people and machines."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from servingkit.core.revision import RevisionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened."""

    name: str
    """Fixed words, such as `pod ready`."""

    revision: RevisionId | None = None
    """None: it happened to all of them, or to none."""

    sentence: str
    """The same for people, with the facts in it."""

    facts: Mapping[str, str | int | float] = field(default_factory=dict)

    last_lines: tuple[str, ...] = ()
    """The last output of the process that the event is about."""


Report = Callable[[Event], None]
"""Told of each event. Must not raise and must not wait."""
