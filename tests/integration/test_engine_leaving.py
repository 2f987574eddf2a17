"""The model hears that a client has left, with the sidecar as a process between them.

That it hears within a tick is seen where ticks can be counted, in the engine's own tests.
"""

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.integration.programs import RunningSidecar, sidecar, wait_until
from tests.polling import PATIENCE_S

pytestmark = pytest.mark.integration

TRIES = 3

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000000\r\n\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n"


def say_goodbye(client: socket.socket) -> None:
    client.close()


def vanish(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


LEAVING = pytest.mark.parametrize("leave", [say_goodbye, vanish], ids=["FIN", "RST"])


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        found.settimeout(60)
        yield found


@pytest.fixture(scope="module")
def proxy(listener: socket.socket) -> Iterator[RunningSidecar]:
    with sidecar(listener.getsockname()[1], container_concurrency=1) as running:
        yield running


@contextmanager
def client_of(proxy: RunningSidecar) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.serving_port)) as sock:
        sock.settimeout(0.2)
        yield sock


def send_until_full(sock: socket.socket) -> None:
    """Send until nobody takes more: all buffers on the way are full."""
    try:
        while True:
            sock.send(bytes(65_536))
    except TimeoutError:
        pass


def left_with_499(proxy: RunningSidecar) -> float:
    return proxy.metric('inflight_requests_total{code="499"}')


def ended(model: socket.socket) -> bool:
    """Read on; tell whether the connection has ended."""
    try:
        return model.recv(65_536) == b""
    except ConnectionResetError:
        return True


def wait_until_cancelled(model: socket.socket) -> None:
    model.settimeout(PATIENCE_S)
    while not ended(model):
        pass


@LEAVING
def test_model_that_computes_is_told(
    proxy: RunningSidecar, listener: socket.socket, leave: Callable[[socket.socket], None]
) -> None:
    counted = left_with_499(proxy)
    for _ in range(TRIES):
        with client_of(proxy) as client:
            client.sendall(GET)
            model, _ = listener.accept()
            with model:
                assert model.recv(65_536)
                leave(client)
                wait_until_cancelled(model)
    wait_until(lambda: left_with_499(proxy) == counted + TRIES, "each is counted with 499")


def test_model_that_takes_no_more_of_a_body_is_told(
    proxy: RunningSidecar, listener: socket.socket
) -> None:
    # Only a reset: an end would wait behind the bytes that nobody reads.
    counted = left_with_499(proxy)
    for _ in range(TRIES):
        with client_of(proxy) as client:
            client.sendall(POST)
            model, _ = listener.accept()
            with model:
                send_until_full(client)
                vanish(client)
                wait_until_cancelled(model)
    wait_until(lambda: left_with_499(proxy) == counted + TRIES, "each is counted with 499")


@LEAVING
def test_model_whose_answer_is_not_taken_is_told(
    proxy: RunningSidecar, listener: socket.socket, leave: Callable[[socket.socket], None]
) -> None:
    for _ in range(TRIES):
        with client_of(proxy) as client:
            client.sendall(GET)
            model, _ = listener.accept()
            with model:
                assert model.recv(65_536)
                model.settimeout(0.2)
                model.sendall(ENDLESS)
                send_until_full(model)
                leave(client)
                wait_until_cancelled(model)
    wait_until(lambda: proxy.metric("inflight_requests_in_flight") == 0, "none is left")


@LEAVING
@pytest.mark.parametrize("question", [GET, POST + bytes(1_000)], ids=["whole", "paused"])
def test_place_in_the_queue_is_free_again(
    proxy: RunningSidecar,
    listener: socket.socket,
    leave: Callable[[socket.socket], None],
    question: bytes,
) -> None:
    counted = left_with_499(proxy)
    with client_of(proxy) as first:
        first.sendall(GET)
        model, _ = listener.accept()
        with model:
            for _ in range(TRIES):
                with client_of(proxy) as client:
                    client.sendall(question)
                    wait_until(lambda: proxy.metric("inflight_requests_queued") == 1, "it waits")
                    leave(client)
                    wait_until(lambda: proxy.metric("inflight_requests_queued") == 0, "it left")
            model.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            assert first.recv(65_536)
    wait_until(lambda: left_with_499(proxy) == counted + TRIES, "each is counted with 499")
