"""`python -m loadtest.bench.path`: what one request costs our code, without a socket.

Requests and answers are handed to the engine over transports that drop what is written, so that a
change of the path can be weighed on a machine that is busy: calls and instructions (valgrind) do
not depend on who else works there. What a system call, the event loop and a cold cache add is seen
by `python -m loadtest.bench` alone.
"""

import argparse
import asyncio
import gc
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from time import perf_counter
from types import FrameType
from typing import Final, cast

from loadtest.bench.tool import MissingError, find
from queueproxy.core.breaker import Breaker
from queueproxy.core.drain import Drain
from queueproxy.core.readiness_probe import ReadinessProbe
from queueproxy.probe_handler import ProbeHandler
from queueproxy.prober import Prober
from queueproxy.proxy_handler import Limits, ProxiedRequest, ProxyHandler
from servingkit.core.revision import Address
from servingkit.http1 import exchange as engine_module
from servingkit.http1.client import HttpClient
from servingkit.http1.core.known_heads import KnownHeads
from servingkit.http1.downstream import Connections, ServerLimits
from servingkit.http1.engine import Engine
from servingkit.http1.upstream import UpstreamConnection
from servingkit.http1.watcher import TimeLimits

_BODY: Final = b'{"instances":[[5.1,3.5,1.4,0.2],[6.7,3.0,5.2,2.3]],"id":"0"}'
_REQUEST: Final = (
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1:8012\r\n%bContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b"
)
_ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sun, 22 Nov 2026 14:00:00 GMT\r\n"
    b"Content-Type: application/json\r\nContent-Length: 21\r\nConnection: keep-alive\r\n\r\n"
    b'{"predictions":[0,2]}'
)
_MODEL: Final = Address("127.0.0.1", 8080)
_CONNECTIONS: Final = 32
_ROUNDS: Final = 20
_REQUESTS_A_ROUND: Final = 2_000
_COUNTED: Final = 100
_INSTRUCTIONS: Final = re.compile(r"Collected : (\d+)")
_VALGRIND_INSTALL: Final = "apt-get install valgrind"


class Transport:
    """Takes what is written and forgets it; says who wrote."""

    def __init__(self, on_write: Callable[[], None]) -> None:
        self._on_write = on_write

    def write(self, data: bytes) -> None:
        """Drop it."""
        del data
        self._on_write()

    def writelines(self, data: Iterable[bytes]) -> None:
        """Drop them."""
        del data
        self._on_write()

    def is_closing(self) -> bool:
        """Return that it is open."""
        return False

    def get_extra_info(self, name: str) -> object:
        """Return the peer's address; there is no socket."""
        return ("10.0.0.1", 1) if name == "peername" else None

    def pause_reading(self) -> None:
        """Nothing comes unasked."""

    def resume_reading(self) -> None:
        """Nothing comes unasked."""

    def abort(self) -> None:
        """There is nothing to close."""


class Path:
    """A sidecar with clients and a model that are not there."""

    def __init__(self, container_concurrency: int, *, each_differs: bool) -> None:
        self._engine = Engine()
        self._buffer = memoryview(bytearray(65_536))
        self._numbers = count() if each_differs else None
        self._asked: list[UpstreamConnection] = []
        self.answers = 0
        connections = Connections(
            self._handler(container_concurrency),
            ServerLimits(),
            self._engine.pool,
            self._engine.wheel,
            self._buffer,
        )
        self._clients = [connections() for _ in range(_CONNECTIONS)]
        for client in self._clients:
            client.connection_made(cast("asyncio.Transport", Transport(self._answered)))
        pool = self._engine.pool
        upstream = UpstreamConnection(_MODEL, KnownHeads(), pool.put, pool.forget)
        upstream.connection_made(
            cast("asyncio.Transport", Transport(lambda: self._asked.append(upstream)))
        )
        pool.put(upstream)

    def serve(self, requests: int) -> None:
        """Carry so many requests and their answers, the clients taking turns."""
        buffer = self._buffer
        for number in range(requests):
            client = self._clients[number % _CONNECTIONS]
            own = b"" if self._numbers is None else b"X-Request-Id: %d\r\n" % next(self._numbers)
            request = _REQUEST % (own, len(_BODY), _BODY)
            buffer[: len(request)] = request
            client.get_buffer(65_536)
            client.buffer_updated(len(request))
            self._asked.pop().data_received(_ANSWER)

    def _answered(self) -> None:
        self.answers += 1

    def _handler(self, container_concurrency: int) -> ProxyHandler:
        breaker = Breaker[ProxiedRequest](container_concurrency, 100)
        drain = Drain(30.0)
        prober = Prober((ReadinessProbe(port=1),), HttpClient(self._engine), asyncio.TaskGroup())
        probes = ProbeHandler(prober, drain, lambda: breaker.container_concurrency)
        return ProxyHandler(_MODEL, breaker, Limits(TimeLimits(300.0)), probes, drain)


def microseconds(path: Path) -> float:
    """Return the time of a request: the best of many rounds, since disturbances only add."""
    times = []
    for _ in range(_ROUNDS):
        began_at = perf_counter()
        path.serve(_REQUESTS_A_ROUND)
        times.append(perf_counter() - began_at)
    return min(times) / _REQUESTS_A_ROUND * 1e6


def calls(path: Path) -> tuple[float, float]:
    """Return the calls of a request: of functions in Python, and of those in C."""
    counts = dict.fromkeys(("call", "c_call"), 0)

    def note(frame: FrameType, event: str, argument: object) -> None:
        del frame, argument
        if event in counts:
            counts[event] += 1

    path.serve(_COUNTED)
    gc.disable()  # who asks to be told of collections would be counted now and then
    sys.setprofile(note)
    path.serve(_COUNTED)
    sys.setprofile(None)
    gc.enable()
    return counts["call"] / _COUNTED, counts["c_call"] / _COUNTED


def instructions(options: argparse.Namespace) -> float:
    """Return the instructions of a request: a long run less a short one. Raises MissingError."""
    arguments = [f"--limit={options.limit}", *(["--each-differs"] if options.each_differs else [])]
    few, many = (_instructions_of(requests, arguments) for requests in (200, 1_200))
    return (many - few) / 1_000


def _instructions_of(requests: int, arguments: list[str]) -> int:
    tool = find("valgrind", _VALGRIND_INSTALL)
    measured = (tool, "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable)
    command = (*measured, "-P", "-m", "loadtest.bench.path", *arguments, f"--serve={requests}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    found = _INSTRUCTIONS.search(done.stderr)
    if found is None:
        message = f"valgrind did not count: {done.stderr.strip()}"
        raise MissingError(message)
    return int(found[1])


def parse() -> argparse.Namespace:
    """Return the command line's choices."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench.path", description=__doc__)
    parser.add_argument("--limit", type=int, default=0, help="container concurrency (0: none)")
    parser.add_argument(
        "--each-differs", action="store_true", help="every request has an identifier of its own"
    )
    parser.add_argument("--serve", type=int, help="only carry so many requests, and say nothing")
    return parser.parse_args()


def report(options: argparse.Namespace, path: Path) -> list[str]:
    """Measure; return what to say."""
    compiled = not str(engine_module.__file__).endswith(".py")
    lines = [
        f"engine: {'compiled' if compiled else 'plain Python'}",
        f"{microseconds(path):.2f} us",
        "{:.0f} calls of Python functions, {:.0f} of C functions".format(*calls(path)),
    ]
    with suppress(MissingError):
        lines.append(f"{instructions(options):,.0f} instructions")
    return lines


def main() -> None:
    """Measure one kind of request."""
    options = parse()
    path = Path(options.limit, each_differs=options.each_differs)
    if options.serve is None:
        sys.stdout.write("\n".join((*report(options, path), "")))
    else:
        path.serve(options.serve)


if __name__ == "__main__":
    main()
