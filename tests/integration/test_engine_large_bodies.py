"""Bodies far larger than the sidecar's memory, through it as a process."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.programs import RunningSidecar, sidecar

pytestmark = pytest.mark.integration

MIB = 1024 * 1024
MOST_MEMORY_BYTES = 64 * MIB
PIECE = bytes(range(256)) * 1024

SIZES = pytest.mark.parametrize(
    "size",
    [
        pytest.param(200 * MIB, id="200 MiB"),
        pytest.param(2048 * MIB, id="2 GiB", marks=pytest.mark.slow),
    ],
)


def peak_memory_bytes(pid: int) -> int:
    """Return the most memory that a process ever held (Linux's VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def send_pieces(sock: socket.socket, size: int) -> None:
    for _ in range(size // len(PIECE)):
        sock.sendall(PIECE)


def take_pieces(sock: socket.socket, size: int) -> None:
    """Read and compare `size` bytes."""
    buffer = bytearray(len(PIECE))
    for _ in range(size // len(PIECE)):
        view = memoryview(buffer)
        while view:
            count = sock.recv_into(view)
            assert count, "ended early"
            view = view[count:]
        assert buffer == PIECE


def take_head(sock: socket.socket) -> bytes:
    """Read up to the empty line and not a byte further."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        assert byte, head
        head += byte
    return head


@contextmanager
def model(size: int) -> Iterator[int]:
    """Serve on a port: GET is answered with `size` bytes, POST when as many have come."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                answer(connection)

    def answer(connection: socket.socket) -> None:
        if take_head(connection).startswith(b"GET"):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            send_pieces(connection, size)
        else:
            take_pieces(connection, size)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=serve)
        serving.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            serving.join()


@contextmanager
def client_of(proxy: RunningSidecar) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.serving_port)) as sock:
        sock.settimeout(60)
        yield sock


@SIZES
def test_upload_passes_through_little_memory(size: int) -> None:
    with (
        model(size) as port,
        sidecar(port, container_concurrency=1) as proxy,
        client_of(proxy) as sock,
    ):
        sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
        send_pieces(sock, size)
        assert take_head(sock).startswith(b"HTTP/1.1 200 ")
        assert peak_memory_bytes(proxy.process.pid) < MOST_MEMORY_BYTES


@SIZES
def test_answer_passes_through_little_memory(size: int) -> None:
    with (
        model(size) as port,
        sidecar(port, container_concurrency=1) as proxy,
        client_of(proxy) as sock,
    ):
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert take_head(sock).startswith(b"HTTP/1.1 200 ")
        take_pieces(sock, size)
        assert peak_memory_bytes(proxy.process.pid) < MOST_MEMORY_BYTES
