"""Which port on every activator a revision gets.

The search begins at a place that the revision's name gives, so that a revision that is deleted and
made again mostly has the port it had, and a port that became free is seldom given to another
revision while some client still remembers it.
"""

from collections.abc import Collection
from zlib import crc32

from servingkit.cluster.kubernetes.core.names import FIRST_ACTIVATOR_PORT, LAST_ACTIVATOR_PORT
from servingkit.core.revision import RevisionId

_PORTS = LAST_ACTIVATOR_PORT - FIRST_ACTIVATOR_PORT + 1


def choose_port(revision: RevisionId, taken: Collection[int]) -> int | None:
    """Return a port that is not taken; None when all are."""
    start = crc32(str(revision).encode()) % _PORTS
    ports = (FIRST_ACTIVATOR_PORT + (start + step) % _PORTS for step in range(_PORTS))
    return next((port for port in ports if port not in taken), None)
