import socket

import pytest

from inflight.local.ports import (
    NoFreePortError,
    PortAllocator,
    activator_ports,
    is_address_here,
    is_free,
    pod_ports,
)


def test_port_with_a_listener_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)


@pytest.mark.parametrize(("host", "here"), [("127.0.0.1", True), ("192.0.2.1", False)])
def test_only_addresses_of_this_machine_can_be_listened_on(host: str, here: bool) -> None:
    assert is_address_here(host) is here


def test_each_port_is_handed_out_once() -> None:
    allocator = PortAllocator(range(15_000, 15_005))
    taken = {allocator.take() for _ in range(5)}
    assert taken == set(range(15_000, 15_005))
    with pytest.raises(NoFreePortError):
        allocator.take()


def test_port_in_use_is_passed_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        used = server.getsockname()[1]
        allocator = PortAllocator([used, 15_010])
        assert allocator.take() == 15_010


def test_returned_port_is_the_last_to_come_again() -> None:
    allocator = PortAllocator(range(15_020, 15_023))
    first = allocator.take()
    allocator.give_back(first)
    assert [allocator.take() for _ in range(3)][-1] == first


def test_pods_and_activators_never_share_a_port() -> None:
    assert 20_000 <= activator_ports().take() < 30_000
    port = pod_ports().take()
    assert not 20_000 <= port < 30_000
    assert port >= 10_000
