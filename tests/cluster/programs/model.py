"""A model server for tests on a cluster, with the standard library only.

`GET /?sleep=MILLISECONDS` answers after that time with who served and how many ran at once at most.
`/ready` fails for the first READY_AFTER_S seconds.
"""

import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

STARTED_AT = time.monotonic()
READY_AFTER_S = float(os.environ.get("READY_AFTER_S", "0"))


class Load:
    """How many requests run."""

    lock = threading.Lock()
    running = 0
    peak = 0

    @classmethod
    def change(cls, by: int) -> None:
        """Count one in or out."""
        with cls.lock:
            cls.running += by
            cls.peak = max(cls.peak, cls.running)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer a request or a probe."""
        url = urlsplit(self.path)
        if url.path == "/ready":
            self._answer(200 if time.monotonic() - STARTED_AT >= READY_AFTER_S else 503, {})
            return
        Load.change(+1)
        time.sleep(float(parse_qs(url.query).get("sleep", ["0"])[0]) / 1000)
        answer = {"pod": os.environ.get("HOSTNAME"), "peak": Load.peak}
        Load.change(-1)
        self._answer(200, answer)

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 -- its name
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """As many connections at once as may come."""

    request_queue_size = 1024
    daemon_threads = True


if __name__ == "__main__":
    Server(("", int(os.environ.get("PORT", "8080"))), Handler).serve_forever()
