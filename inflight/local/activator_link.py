"""What `inflight local` and an activator process tell each other: JSON lines over two pipes.

The activator reads from standard input all that it has to know of the cluster, whole each time, and
writes to standard output how far it has come. So it goes on with what it knows while the other side
is busy or stopped; pipes need no port and no reconnecting, and end with their process.
"""

from typing import Final

import msgspec

from servingkit.core.revision import Pod, Revision, RevisionId
from servingkit.core.route import Route

MOST_LINE_BYTES: Final = 16 * 1024 * 1024


class RevisionView(msgspec.Struct, frozen=True):
    """One revision as the cluster shows it."""

    revision: Revision
    pods: tuple[Pod, ...]


class ClusterView(msgspec.Struct, frozen=True, tag="cluster"):
    """The whole cluster at one moment."""

    version: int
    """Grows with each change."""

    revisions: tuple[RevisionView, ...]
    routes: tuple[Route, ...]


class StopOrder(msgspec.Struct, frozen=True, tag="stop"):
    """End in order, within these times in seconds; see `activator.core.drain`."""

    hold_s: float
    grace_s: float
    quiet_s: float


class Held(msgspec.Struct, frozen=True):
    """Requests of a revision that wait for a pod."""

    revision: RevisionId
    requests: int


class ActivatorView(msgspec.Struct, frozen=True, tag="activator"):
    """How an activator stands."""

    ready: bool
    port: int
    """Where requests of all revisions come in. 0: not open yet."""

    metrics_port: int
    """Prometheus. 0: not open yet."""

    seen_version: int
    """It acts on this view of the cluster, and routes to nothing that is not in it."""

    held: tuple[Held, ...]


ToActivator = ClusterView | StopOrder

_to_activator: msgspec.json.Decoder[ToActivator] = msgspec.json.Decoder(ToActivator)
_from_activator = msgspec.json.Decoder(ActivatorView)


def encode_line(message: ToActivator | ActivatorView) -> bytes:
    """Return a message as a line."""
    return msgspec.json.encode(message) + b"\n"


def decode_order(line: bytes) -> ToActivator:
    """Return what an activator was told. Raises msgspec.ValidationError or DecodeError."""
    return _to_activator.decode(line)


def decode_view(line: bytes) -> ActivatorView:
    """Return what an activator told. Raises msgspec.ValidationError or DecodeError."""
    return _from_activator.decode(line)
