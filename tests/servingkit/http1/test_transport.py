import socket
import struct
from collections.abc import Iterator

import pytest

from servingkit.http1.transport import peer_present


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        with client, accepted:
            yield client, accepted


def test_peer_is_present_while_it_is_silent(pair: tuple[socket.socket, socket.socket]) -> None:
    assert peer_present(pair[1])


def test_peer_that_closed_is_not_present(pair: tuple[socket.socket, socket.socket]) -> None:
    client, accepted = pair
    client.sendall(b"unread")
    client.close()
    assert not peer_present(accepted)


def test_peer_that_reset_is_not_present(pair: tuple[socket.socket, socket.socket]) -> None:
    client, accepted = pair
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert not peer_present(accepted)


def test_closed_socket_has_no_peer(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].close()
    assert not peer_present(pair[1])
