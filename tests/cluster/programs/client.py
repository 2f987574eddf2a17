"""A client for tests on a cluster: runs in a pod, is told what to do over HTTP.

`POST /start` with what `tests/cluster/tenant.py` sends answers with an id, `GET /result?id=ID` with
what came of it so far, and `POST /stop?id=ID` ends it. Nothing is tried a second time, except what
a browser would: a request on a kept-alive connection that the other side had closed already
(RFC 9112, section 9.3.1).
"""

import http.client
import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

CONNECT_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 180.0
MOST_ERRORS = 20

Json = dict[str, Any]
Answer = tuple["http.client.HTTPConnection | None", int, Json]


class Run:
    """One order and its result."""

    def __init__(self, order: Json) -> None:
        self.order = order
        self.lock = threading.Lock()
        self.left = order.get("requests") or 10**9
        self.ends_at = time.monotonic() + (order.get("seconds") or 3600)
        self.statuses: Counter[str] = Counter()
        self.pods: Counter[str] = Counter()
        self.peaks: Json = {}
        self.errors: list[str] = []
        self.slowest_s = 0.0
        self.sent = 0
        self.stopped = False
        self.threads = [
            threading.Thread(target=self.work, daemon=True) for _ in range(order.get("workers", 1))
        ]
        for thread in self.threads:
            thread.start()

    def result(self) -> Json:
        """Return what came of it so far."""
        with self.lock:
            return {
                "done": not any(thread.is_alive() for thread in self.threads),
                "statuses": dict(self.statuses),
                "pods": dict(self.pods),
                "peaks": dict(self.peaks),
                "errors": self.errors,
                "slowest_s": self.slowest_s,
                "sent": self.sent,
            }

    def take(self) -> bool:
        """Take one of the requests that are left."""
        with self.lock:
            if self.stopped or self.left <= 0 or time.monotonic() >= self.ends_at:
                return False
            self.left -= 1
            return True

    def work(self) -> None:
        """Send one request after the other."""
        time.sleep(self.order.get("after_s", 0.0))
        connection = None
        while self.take():
            began_at = time.monotonic()
            try:
                connection, status, body = self.exchange(connection)
                self.note(str(status), body, time.monotonic() - began_at)
            except Exception as error:  # noqa: BLE001 -- whatever goes wrong is a result
                connection = None
                self.note("error", {}, time.monotonic() - began_at, repr(error))

    def exchange(self, kept: "http.client.HTTPConnection | None") -> Answer:
        """Send a request; return the connection if it can be kept, and the answer."""
        if kept is not None:
            try:
                return self.ask(kept)
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                kept.close()
        fresh = http.client.HTTPConnection(
            self.order["host"], self.order["port"], timeout=CONNECT_TIMEOUT_S
        )
        fresh.connect()
        return self.ask(fresh)

    def ask(self, connection: http.client.HTTPConnection) -> Answer:
        """Send a request on this connection."""
        connection.sock.settimeout(ANSWER_TIMEOUT_S)
        headers = {} if self.order.get("keep_alive", True) else {"Connection": "close"}
        connection.request("GET", self.order.get("path", "/"), headers=headers)
        with self.lock:
            self.sent += 1
        answer = connection.getresponse()
        data = answer.read()
        body = (
            json.loads(data)
            if answer.status == 200
            else {"text": data[:200].decode(errors="replace")}
        )
        if answer.will_close:
            connection.close()
            return None, answer.status, body
        return connection, answer.status, body

    def note(self, status: str, body: Json, took_s: float, error: str = "") -> None:
        """Write down one answer."""
        with self.lock:
            self.statuses[status] += 1
            self.slowest_s = max(self.slowest_s, took_s)
            if body.get("pod"):
                self.pods[body["pod"]] += 1
                self.peaks[body["pod"]] = max(self.peaks.get(body["pod"], 0), body["peak"])
            if status != "200" and len(self.errors) < MOST_ERRORS:
                self.errors.append(f"{status} after {took_s:.2f} s: {error or body.get('text')}")


RUNS: list[Run] = []


class Handler(BaseHTTPRequestHandler):
    """Orders."""

    def do_GET(self) -> None:
        """Answer with a result."""
        self._answer(RUNS[self._id()].result() if self.path.startswith("/result") else {})

    def do_POST(self) -> None:
        """Start or stop a run."""
        if self.path.startswith("/stop"):
            RUNS[self._id()].stopped = True
            self._answer({})
            return
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        RUNS.append(Run(order))
        self._answer({"id": len(RUNS) - 1})

    def _id(self) -> int:
        return int(parse_qs(urlsplit(self.path).query)["id"][0])

    def _answer(self, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 -- its name
        """Say nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("", 8000), Handler).serve_forever()
