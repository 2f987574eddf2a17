"""The request log while its reader is slow, gone, or late."""

import io
import json
import threading
from types import SimpleNamespace
from typing import cast

from queueproxy.core.log_template import DEFAULT_TEMPLATE, LoggedRevision, LogTemplate
from queueproxy.request_log import RequestLog
from servingkit.http1.core.message import RequestHead
from servingkit.http1.exchange import Exchange
from tests.integration.programs import wait_until

MOST_BYTES = 4 * 1024 * 1024


class Output(io.BytesIO):
    """Takes nothing until the gate is open; fails when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.failing = False
        self.begun = threading.Event()

    def write(self, data: object) -> int:
        self.begun.set()
        self.gate.wait(60)
        if self.failing:
            raise BrokenPipeError
        return super().write(cast("bytes", data))

    def lines(self) -> list[str]:
        return self.getvalue().decode().splitlines()


def exchange(number: int) -> Exchange:
    head = RequestHead(b"GET", b"/%d" % number, 1, [(b"Host", b"a"), (b"User-Agent", b'"\x1b\xff')])
    seen = SimpleNamespace(request=head, request_bytes=0, answer_bytes=0, status=200, peer="::1")
    return cast("Exchange", seen)


def test_lines_arrive_in_their_order_and_the_last_ones_at_the_end() -> None:
    log = RequestLog(output := Output(), LogTemplate(DEFAULT_TEMPLATE, LoggedRevision()))
    output.gate.set()
    for number in range(10):
        log.write(exchange(number), 0.25)
        if number % 3 == 0:
            log.tick()
    log.close()
    lines = [json.loads(line)["httpRequest"] for line in output.lines()]
    assert [line["requestUrl"] for line in lines] == [f"/{number}" for number in range(10)]
    assert lines[0]["latency"] == "0.250000s"
    assert lines[0]["userAgent"] == '"\x1b\xff'


def fill(log: RequestLog) -> int:
    """Write until a line is dropped; return how many were not."""
    kept, before = 0, log.dropped
    while True:
        log.write(exchange(1), 0)
        if log.dropped > before:
            return kept
        kept += 1


def test_what_a_slow_reader_does_not_take_is_counted_and_kept_within_bounds() -> None:
    log = RequestLog(output := Output(), LogTemplate(DEFAULT_TEMPLATE, LoggedRevision()))
    log.write(exchange(1), 0)
    log.tick()
    assert output.begun.wait(20)
    kept = fill(log)
    log.tick()  # the thread is busy, but may be handed one more batch
    kept += fill(log)
    log.tick()
    assert fill(log) == 0
    assert log.dropped == 3
    output.gate.set()
    wait_until(lambda: not log._batches.qsize(), "the reader goes on")
    log.close()
    assert len(output.lines()) == 1 + kept
    assert len(output.getvalue()) < 2.1 * MOST_BYTES


def test_broken_output_stops_the_log_and_nothing_else() -> None:
    log = RequestLog(output := Output(), LogTemplate(DEFAULT_TEMPLATE, LoggedRevision()))
    output.failing = True
    output.gate.set()
    log.write(exchange(1), 0)
    log.tick()
    wait_until(lambda: not log._thread.is_alive(), "the thread has ended")
    for _ in range(2):
        fill(log)
        log.tick()
    assert fill(log) == 0
    log.close()


def test_end_does_not_wait_for_a_reader_that_takes_nothing() -> None:
    log = RequestLog(output := Output(), LogTemplate(DEFAULT_TEMPLATE, LoggedRevision()))
    log.write(exchange(0), 0)
    log.close()
    output.gate.set()
