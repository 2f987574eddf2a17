"""nginx as a proxy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from loadtest.bench.connection import HOST
from loadtest.bench.core.names import NGINX
from loadtest.bench.nginx_config import INSTALL, nginx_command
from loadtest.bench.peers.peer import Launch, Seat
from loadtest.bench.tool import find, version_of

_SERVERS: Final = """\
  upstream model {{
    server {host}:{upstream_port};
    keepalive 512;
    keepalive_requests 100000000;
  }}
  server {{
    listen {host}:{port} backlog=4096;
    location / {{
      proxy_pass http://model;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
    }}
  }}
"""


class NginxPeer:
    """One worker; uploads are streamed as by the other proxies, and nothing goes to the disk."""

    name = NGINX
    description = (
        "one worker, HTTP/1.1 with kept-alive connections to the upstream, no access log, "
        "`proxy_request_buffering off`, no temporary files"
    )

    async def prepare(self, folder: Path) -> Mapping[str, str]:
        """Return its version. Raises MissingError."""
        del folder
        return {"nginx": await version_of(find("nginx", INSTALL), "-v")}

    def launch(self, seat: Seat) -> Launch:
        """Write its configuration."""
        servers = _SERVERS.format(host=HOST, port=seat.port, upstream_port=seat.upstream_port)
        return Launch(nginx_command(seat.folder, servers))
