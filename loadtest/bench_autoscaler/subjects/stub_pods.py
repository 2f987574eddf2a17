"""The pods' side of the scrapes: one process that answers for every address of 127.0.0.0/8.

python -m loadtest.bench_autoscaler.subjects.stub_pods
"""

import asyncio
from typing import cast

import uvloop

from loadtest.bench_autoscaler.subjects.reporting import answer_questions
from loadtest.bench_autoscaler.synthetic_cluster import pod_name, pod_number
from servingkit.core.stat import Stat, encode_stat

_ALL_LOOPBACK = "0.0.0.0"  # noqa: S104 -- one socket for all of 127.0.0.0/8


class _Connection(asyncio.Protocol):
    """Answers each request with the stat of the pod whose address was called."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        address, _ = transport.get_extra_info("sockname")
        body = encode_stat(Stat(pod_name(pod_number(address)), 5.5, 2.5, 20.0, 10.0, 100.0))
        head = "HTTP/1.1 200 OK\r\nContent-Type: application/protobuf\r\nContent-Length: "
        self._answer = f"{head}{len(body)}\r\n\r\n".encode() + body

    def data_received(self, data: bytes) -> None:
        # Requests for stats are small, have no body and come one at a time.
        self._transport.write(self._answer * data.count(b"\r\n\r\n"))


async def main() -> None:
    """Run until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, _ALL_LOOPBACK, 0, backlog=4096)
    await answer_questions(dict, port=server.sockets[0].getsockname()[1])


if __name__ == "__main__":
    uvloop.run(main())
