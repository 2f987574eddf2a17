"""A line for each request on standard output, when asked for.

The event loop only renders: a thread writes, since standard output may be a pipe whose reader is
slow.
What it cannot take is counted and dropped, never kept without bound.
"""

import logging
import queue
import threading
from typing import BinaryIO, Final

from queueproxy.core.log_template import LoggedRequest, LogTemplate
from servingkit.clock import monotonic
from servingkit.http1.exchange import Exchange
from servingkit.http1.watcher import Unwatched

_log = logging.getLogger(__name__)

_MOST_BYTES: Final = 4 * 1024 * 1024
"""What may wait for the thread; as much may be on its way to it, and as much in its hands."""

_LAST_LINES_S: Final = 1.0
"""How long the end waits for the last lines."""


class RequestLog:
    """Renders and keeps lines; each tick hands them to the thread that writes."""

    def __init__(self, out: BinaryIO, template: LogTemplate, *, logs_probes: bool = False) -> None:
        """Write what `template` makes of each request to `out`, which must not buffer.

        A thread that is stuck in a buffer's lock would have the interpreter abort at its end.
        """
        self.dropped = 0
        self.logs_probes = logs_probes
        self._out = out
        self._template = template
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
        line = self._template.render(_logged(exchange, duration_s))
        self._lines.append(line)
        self._waiting_bytes += len(line)  # most of it is ASCII

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


class LoggedProbe(Unwatched):
    """Has a probe leave a line when it is answered."""

    __slots__ = ("_exchange", "_log")

    def __init__(self, log: RequestLog, exchange: Exchange) -> None:
        self._log = log
        self._exchange = exchange

    def ended(self) -> None:
        """Write it."""
        self._log.write(self._exchange, monotonic() - self._exchange.started_at)


def _logged(exchange: Exchange, duration_s: float) -> LoggedRequest:
    request = exchange.request
    return LoggedRequest(
        method=request.method,
        target=request.target,
        host=request.host,
        minor_version=request.minor_version,
        fields=request.fields,
        body_length=request.body_length,
        request_bytes=exchange.request_bytes,
        peer=exchange.peer,
        status=exchange.status,
        answer_bytes=exchange.answer_bytes,
        latency_s=duration_s,
    )
