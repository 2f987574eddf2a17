"""Which activators listen on a revision's port by now.

A ready activator may not have heard of a new revision yet. Before traffic is sent to it, its port
is tried; one that does not answer is left out for a few seconds, and then used all the same:
perhaps clients may connect there and we may not.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from typing import Final

from servingkit.clock import monotonic
from servingkit.cluster.protocols import Activator

_log = logging.getLogger(__name__)

_CONNECT_TIMEOUT_S: Final = 1.0
_USE_ANYHOW_AFTER_S: Final = 5.0


class ListeningActivators:
    """Remembers which ports of which activators may be used."""

    def __init__(self) -> None:
        self._listening: set[tuple[Activator, int]] = set()
        self._first_tried_at: dict[tuple[Activator, int], float] = {}

    def __repr__(self) -> str:
        return f"<ListeningActivators {len(self._listening)} ports seen>"

    async def among(self, activators: Iterable[Activator], port: int) -> list[Activator]:
        """Return those of `activators` that may get a revision's traffic at `port`."""
        present = list(activators)
        tries = [self._may_be_used(activator, port) for activator in present]
        usable = await asyncio.gather(*tries)
        return [
            activator for activator, is_usable in zip(present, usable, strict=True) if is_usable
        ]

    def forget_all_but(self, activators: Iterable[Activator]) -> None:
        """Forget what was known of activators that are gone."""
        present = set(activators)
        self._listening = {one for one in self._listening if one[0] in present}
        self._first_tried_at = {
            key: at for key, at in self._first_tried_at.items() if key[0] in present
        }

    async def _may_be_used(self, activator: Activator, port: int) -> bool:
        key = (activator, port)
        if key in self._listening:
            return True
        first_tried_at = self._first_tried_at.setdefault(key, monotonic())
        if not await _takes_connections(activator.host, port):
            if monotonic() - first_tried_at < _USE_ANYHOW_AFTER_S:
                return False
            facts = {"activator": activator.name, "port": port}
            _log.warning("activator port unconfirmed", extra=facts)
        self._listening.add(key)
        self._first_tried_at.pop(key, None)
        return True


async def _takes_connections(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:  # a TimeoutError is one
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
