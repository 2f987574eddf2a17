"""HAProxy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from loadtest.bench.connection import HOST
from loadtest.bench.core.names import HAPROXY
from loadtest.bench.peers.peer import Launch, Seat
from loadtest.bench.tool import find, version_of

_INSTALL: Final = "apt-get install haproxy"

_CONFIG: Final = """\
global
  maxconn 8192
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option forwardfor
  option http-no-delay
  http-reuse always
frontend clients
  bind {host}:{port} backlog 4096
  default_backend model
backend model
  server model {host}:{upstream_port}
"""


class HaproxyPeer:
    """One thread."""

    name = HAPROXY
    description = (
        "one thread, `http-reuse always`, `option forwardfor`, no log, and `option http-no-delay`, "
        "without which events wait for a tenth of a second"
    )

    async def prepare(self, folder: Path) -> Mapping[str, str]:
        """Return its version. Raises MissingError."""
        del folder
        return {"HAProxy": await version_of(find("haproxy", _INSTALL), "-v")}

    def launch(self, seat: Seat) -> Launch:
        """Write its configuration."""
        path = seat.folder / "haproxy.cfg"
        config = _CONFIG.format(host=HOST, port=seat.port, upstream_port=seat.upstream_port)
        path.write_text(config, encoding="utf-8")
        return Launch((find("haproxy", _INSTALL), "-db", "-f", str(path)))
