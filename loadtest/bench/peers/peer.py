"""What the benchmark asks of a proxy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Where a proxy is to run."""

    folder: Path
    """Its own, for configuration and log."""

    port: int
    """Where it listens on 127.0.0.1."""

    upstream_port: int
    """Where it sends all requests, on 127.0.0.1."""

    limit: int
    """Requests that it may have under way at once, if it is one that limits them."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a proxy."""

    command: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)


class Peer(Protocol):
    """One of the proxies that are compared."""

    @property
    def name(self) -> str:
        """A word."""

    @property
    def description(self) -> str:
        """How it is set up."""

    async def prepare(self, folder: Path) -> Mapping[str, str]:
        """Build what has to be built, in this folder; return names and versions of the parts.

        Raises MissingError when the proxy cannot run on this machine.
        """

    def launch(self, seat: Seat) -> Launch:
        """Write what the proxy reads, and return how it is started."""
