"""The port of each revision: opened as revisions appear, closed when they are gone.

On Kubernetes and locally the port is written where clients are sent to, so it must listen before
anybody is sent here: `open_all` comes before the activator says that it is ready.
"""

import asyncio
import logging
from typing import Final

from activator.config import Config
from activator.proxy_handler import ProxyHandler
from activator.revision_gates import RevisionGates
from servingkit.core.revision import RevisionId
from servingkit.http1.engine import Engine, Listener

_log = logging.getLogger(__name__)

_RETRY_S: Final = 1.0


class RevisionPorts:
    """Listeners by port."""

    def __init__(
        self, engine: Engine, config: Config, gates: RevisionGates, handler: ProxyHandler
    ) -> None:
        self._engine = engine
        self._config = config
        self._gates = gates
        self._handler = handler
        self._listeners: dict[int, tuple[RevisionId, Listener]] = {}
        self._changed = asyncio.Event()
        self._draining = False

    def __repr__(self) -> str:
        return f"<RevisionPorts {sorted(self._listeners)}>"

    def revision_changed(self, _: RevisionId) -> None:
        """Look again which ports are wanted."""
        self._changed.set()

    async def run(self) -> None:
        """Open and close ports until cancelled."""
        while True:
            await self._changed.wait()
            if not await self.open_all():
                await asyncio.sleep(_RETRY_S)
                self._changed.set()

    async def open_all(self) -> bool:
        """Open what is wanted and close what is not; False when a port could not be had."""
        self._changed.clear()
        wanted = {
            gate.revision.activator_port: gate.revision.id
            for gate in self._gates
            if gate.revision.activator_port
        }
        for port, (revision_id, listener) in tuple(self._listeners.items()):
            if wanted.get(port) != revision_id:
                del self._listeners[port]
                listener.drain()
                listener.close()
        complete = True
        for port in wanted.keys() - self._listeners.keys():
            complete &= await self._open(port, wanted[port])
        return complete

    def drain(self) -> None:
        """Have clients come back elsewhere, on ports that open from now on, too."""
        self._draining = True
        for _, listener in self._listeners.values():
            listener.drain()

    def newest_silent_connection(self) -> float:
        """Return when the newest client came that has asked nothing yet; 0: there is none."""
        listeners = (listener for _, listener in self._listeners.values())
        return max((listener.newest_silent_connection() for listener in listeners), default=0.0)

    def break_off(self) -> None:
        """Close all ports, reset what is under way, and let given answers arrive."""
        for _, listener in self._listeners.values():
            listener.break_off()

    async def _open(self, port: int, revision_id: RevisionId) -> bool:
        service = self._handler.service_of(revision_id)
        facts = {"port": port, "revision": str(revision_id)}
        try:
            listener = await self._engine.listen(
                service, self._config.listen_host, port, self._config.client_limits
            )
        except OSError as error:
            _log.error("revision port unavailable", extra={**facts, "reason": error.strerror})
            return False
        listener.drain(draining=self._draining)
        self._listeners[port] = (revision_id, listener)
        _log.info("revision port opened", extra=facts)
        return True
