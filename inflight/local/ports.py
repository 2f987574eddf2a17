"""Ports on this machine: which are free, and which are handed out."""

import secrets
import socket
from collections.abc import Iterable, Iterator
from itertools import chain, cycle, islice
from pathlib import Path

_ACTIVATOR_PORTS = range(20_000, 30_000)
_POD_PORTS = (range(10_000, 20_000), range(30_000, 65_536))
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


class NoFreePortError(Exception):
    """Every port of a range is in use."""


class PortAllocator:
    """Hands out ports that nobody listens on, each to one taker at a time.

    It goes round, so a port that was given back is the last to be handed out again: connections
    of its former owner have long ended by then. It starts somewhere, so that two `inflight local`
    side by side rarely ask for the same.
    """

    def __init__(self, ports: Iterable[int]) -> None:
        every = tuple(ports)
        start = secrets.randbelow(len(every))
        self._count = len(every)
        self._next: Iterator[int] = cycle(every[start:] + every[:start])
        self._taken: set[int] = set()

    def __repr__(self) -> str:
        return f"<PortAllocator {len(self._taken)} of {self._count} taken>"

    def take(self) -> int:
        """Return a free port. Raises NoFreePortError."""
        for port in islice(self._next, self._count):
            if port not in self._taken and is_free(port):
                self._taken.add(port)
                return port
        raise NoFreePortError

    def give_back(self, port: int) -> None:
        """Allow `port` to be taken again."""
        self._taken.discard(port)


def pod_ports() -> PortAllocator:
    """Return an allocator for the ports of pods.

    Ports from which the kernel takes the near end of connections are left out where the kernel
    tells, since such a port may be in use the moment after it was found free.
    """
    ephemeral = _ephemeral_ports()
    return PortAllocator(port for port in chain(*_POD_PORTS) if port not in ephemeral)


def activator_ports() -> PortAllocator:
    """Return an allocator for the activator's port of each revision."""
    return PortAllocator(_ACTIVATOR_PORTS)


def is_free(port: int) -> bool:
    """Tell whether a server could listen on `port` on any address of this machine."""
    with socket.socket() as probe:
        # As servers do: a closed connection of an earlier server in TIME_WAIT is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def is_address_here(host: str) -> bool:
    """Tell whether a server could listen on an address of this machine."""
    with socket.socket() as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def _ephemeral_ports() -> range:
    try:
        least, most = _EPHEMERAL.read_text().split()
    except OSError:
        return range(0)
    return range(int(least), int(most) + 1)
