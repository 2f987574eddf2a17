"""Ports for programs under test that cannot be given port 0."""

from typing import Final

from inflight.local.ports import pod_ports

_PORTS: Final = pod_ports()


def free_port() -> int:
    """Return a port where nobody listens.

    It is none that the kernel gives to the near ends of connections, and comes once in a test run,
    so it stays free until the test uses it.
    """
    return _PORTS.take()
