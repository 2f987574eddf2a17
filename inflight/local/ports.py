"""Ports on this machine: which are free, and which are handed out."""

import os
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

    A port is claimed until it is given back or this process ends, so that two `inflight local` side
    by side do not hand out the same while neither listens yet. It goes round, so a port that was
    given back is the last to be handed out again: connections of its former owner have long ended
    by then. It starts somewhere, so that two rarely ask for the same.
    """

    def __init__(self, ports: Iterable[int]) -> None:
        every = tuple(ports)
        start = secrets.randbelow(len(every))
        self._count = len(every)
        self._next: Iterator[int] = cycle(every[start:] + every[:start])
        self._claims: dict[int, int] = {}

    def __repr__(self) -> str:
        return f"<PortAllocator {len(self._claims)} of {self._count} taken>"

    def take(self) -> int:
        """Return a free port. Raises NoFreePortError."""
        for port in islice(self._next, self._count):
            claim = _claim(port)
            if claim is None:
                continue
            if is_free(port):
                self._claims[port] = claim
                return port
            os.close(claim)
        raise NoFreePortError

    def give_back(self, port: int) -> None:
        """Allow `port` to be taken again."""
        os.close(self._claims.pop(port))


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


def _claim(port: int) -> int | None:
    """Return a file that stands for `port` among all allocators; None when one has it already.

    It is a socket whose name no folder has: the kernel keeps such names, for as long as the socket
    is open, where it keeps the ports themselves, in the network namespace.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as claim:
        try:
            claim.bind(f"\0inflight-port-{port}")
        except OSError:
            return None
        return claim.detach()


def _ephemeral_ports() -> range:
    try:
        least, most = _EPHEMERAL.read_text().split()
    except OSError:
        return range(0)
    return range(int(least), int(most) + 1)
