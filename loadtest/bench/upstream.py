"""The upstream of all proxies: an nginx that answers at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from loadtest.bench.connection import HOST, free_port, until_ready
from loadtest.bench.core.metric import MIB
from loadtest.bench.nginx_config import nginx_command
from loadtest.child import running

ANSWER_PATH: Final = "/answer"
UPLOAD_PATH: Final = "/upload"

# nginx answers `return` without a look at the body, so an upload is sent on to a second server of
# it first: like a model, it then answers when it has read the body, and not before.
_SERVERS: Final = """\
  server {{
    listen {host}:{port} backlog=4096;
    location / {{ return 200 '{{"predictions":[0,2]}}'; }}
    location {answer_path} {{ alias {folder}/answer.bin; }}
    location {upload_path} {{
      client_body_buffer_size 128k;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_pass http://unix:{folder}/upload.sock;
    }}
  }}
  server {{
    listen unix:{folder}/upload.sock;
    location / {{ return 200 '{{"predictions":[0,2]}}'; }}
  }}
"""


@asynccontextmanager
async def upstream(folder: Path) -> AsyncIterator[int]:
    """Run the upstream during the block, which gets its port. Raises MissingError."""
    port = free_port()
    command, log = _write(folder, port), folder / "log"
    async with running(command, log, log, {}):
        await until_ready(port)
        yield port


def _write(folder: Path, port: int) -> tuple[str, ...]:
    """Write all that nginx reads; return how it is started."""
    folder.mkdir(parents=True)
    (folder / "answer.bin").write_bytes(bytes(MIB))
    servers = _SERVERS.format(
        host=HOST,
        port=port,
        folder=folder,
        answer_path=ANSWER_PATH,
        upload_path=UPLOAD_PATH,
    )
    return nginx_command(folder, servers)
