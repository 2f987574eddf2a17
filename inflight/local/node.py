"""What all pods of the local cluster share: the machine under them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from inflight.local.event import Report
from inflight.local.guard_link import GuardLink
from inflight.local.ports import PortAllocator
from servingkit.http1.client import HttpClient

HOST = "127.0.0.1"
"""Where everything listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """The one machine of the local cluster."""

    client: HttpClient
    """Sends probes and hooks, as a kubelet does."""

    guard: GuardLink

    ports: PortAllocator

    environment: Mapping[str, str]
    """Every process starts with this environment."""

    log_directory: Path

    drain_quiet_s: float
    """How long a pod that is told to end must have had no request before it is drained."""

    report: Report
