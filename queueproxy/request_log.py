"""A line of JSON for each request on standard output, when asked for.

The fields are those of Knative's default template, so that what reads its lines reads ours. The
event loop only renders: a thread writes, since standard output may be a pipe whose reader is slow.
What it cannot take is counted and dropped, never kept without bound.
"""

import json
import logging
import queue
import threading
from typing import BinaryIO, Final

from servingkit.http1.exchange import Exchange

_log = logging.getLogger(__name__)

_MOST_BYTES: Final = 4 * 1024 * 1024
"""What may wait for the thread; as much may be on its way to it, and as much in its hands."""

_LAST_LINES_S: Final = 1.0
"""How long the end waits for the last lines."""


class RequestLog:
    """Renders and keeps lines; each tick hands them to the thread that writes."""

    def __init__(self, out: BinaryIO, pod_ip: str) -> None:
        """Write to `out`, which must not buffer.

        A thread that is stuck in a buffer's lock would have the interpreter abort at its end.
        """
        self.dropped = 0
        self._out = out
        self._pod_ip = pod_ip
        self._lines: list[str] = []
        self._waiting_bytes = 0
        self._batches: queue.SimpleQueue[list[str] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_batches, name="request-log", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<RequestLog {len(self._lines)} lines wait, {self.dropped} dropped>"

    def write(self, exchange: Exchange, duration_s: float) -> None:
        """Note a request that has ended."""
        if self._waiting_bytes >= _MOST_BYTES:
            self.dropped += 1
            return
        line = _render(exchange, duration_s, self._pod_ip)
        self._lines.append(line)
        self._waiting_bytes += len(line)  # JSON is ASCII

    def tick(self) -> None:
        """Hand over what has come, unless the thread still has something to do."""
        if self._lines and self._batches.empty():
            lines, self._lines = self._lines, []
            self._waiting_bytes = 0
            self._batches.put(lines)

    def close(self) -> None:
        """Write what is left, as far as the reader takes it in a second."""
        self._batches.put(self._lines)
        self._batches.put(None)
        self._thread.join(_LAST_LINES_S)

    def _write_batches(self) -> None:
        while (lines := self._batches.get()) is not None:
            try:
                data = memoryview("".join(lines).encode())
                while data:
                    data = data[self._out.write(data) :]
            except OSError as error:  # nobody reads any more, or a disk is full
                _log.warning("request log ended", extra={"reason": str(error)})
                return


def _render(exchange: Exchange, duration_s: float, pod_ip: str) -> str:
    request = exchange.request
    fields = request.fields
    line = {
        "httpRequest": {
            "requestMethod": request.method.decode("latin-1"),
            "requestUrl": request.target.decode("latin-1"),
            "requestSize": str(exchange.request_bytes),
            "status": exchange.status,
            "responseSize": str(exchange.answer_bytes),
            "userAgent": fields.get(b"user-agent", b"").decode("latin-1"),
            "remoteIp": exchange.peer,
            "serverIp": pod_ip,
            "referer": fields.get(b"referer", b"").decode("latin-1"),
            "latency": f"{duration_s:.6f}s",
            "protocol": f"HTTP/1.{request.minor_version}",
        },
        "traceId": _trace_id(fields.get(b"traceparent", b""), fields.get(b"x-b3-traceid", b"")),
    }
    return json.dumps(line) + "\n"


def _trace_id(traceparent: bytes, b3: bytes) -> str:
    """Return the trace's id from W3C's field (`version-trace-parent-flags`), else from Zipkin's."""
    parts = traceparent.split(b"-")
    return (parts[1] if len(parts) > 1 else b3).decode("latin-1")
