"""Where and how thoroughly a case measures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

MS: Final = 1000.0

WITHIN_S: Final = 120.0
"""For whatever must come to an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What all cases are told."""

    folder: Path

    core: int
    """The activator's own."""

    quick: bool
