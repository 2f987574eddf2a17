"""How to start an nginx of our own: one worker, all in one folder, nothing of the system's."""

import os
from pathlib import Path
from typing import Final

from loadtest.bench.tool import find

INSTALL: Final = "apt-get install nginx"

_CONFIG: Final = """\
{user}daemon off;
pid {folder}/nginx.pid;
error_log stderr warn;
worker_processes 1;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  default_type application/json;
  keepalive_requests 100000000;
  client_max_body_size 0;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{servers}}}
"""


def nginx_command(folder: Path, servers: str) -> tuple[str, ...]:
    """Write a configuration with these servers; return the command. Raises MissingError."""
    path = folder / "nginx.conf"
    # As root, nginx would hand its work to a user who cannot write in our folder.
    user = "user root;\n" if os.geteuid() == 0 else ""
    path.write_text(_CONFIG.format(user=user, folder=folder, servers=servers), encoding="utf-8")
    return (find("nginx", INSTALL), "-e", "stderr", "-p", str(folder), "-c", str(path))
