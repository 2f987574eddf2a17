"""Where the activators of one machine are."""

from typing import NamedTuple

from inflight.local.node import HOST


class ActivatorPlace(NamedTuple):
    """An activator: what it signs its stats with, and where it takes requests."""

    name: str
    host: str

    port: int
    """Of the requests of all revisions. 0: not known yet."""

    metrics_port: int
    """Of its Prometheus page. 0: not known yet."""


def activator_hosts(activators: int) -> tuple[str, ...]:
    """Return the address of each activator.

    One runs in the process of `inflight local`, where everything else listens. More are processes
    of their own, and each needs an address, for the port of a revision is the same on all of them.
    """
    if activators == 1:
        return (HOST,)
    return tuple(f"127.0.0.{2 + seat}" for seat in range(activators))
