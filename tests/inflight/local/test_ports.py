import socket
import subprocess
import sys

import pytest

from inflight.local.ports import (
    NoFreePortError,
    PortAllocator,
    activator_ports,
    is_address_here,
    is_free,
    pod_ports,
)


def free_ports(count: int) -> list[int]:
    """Ports that nobody has, nor is likely to ask for while a test runs."""
    allocator = pod_ports()
    ports = [allocator.take() for _ in range(count)]
    for port in ports:
        allocator.give_back(port)
    return ports


def test_port_with_a_listener_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)


@pytest.mark.parametrize(("host", "here"), [("127.0.0.1", True), ("192.0.2.1", False)])
def test_only_addresses_of_this_machine_can_be_listened_on(host: str, here: bool) -> None:
    assert is_address_here(host) is here


def test_each_port_is_handed_out_once() -> None:
    ports = free_ports(5)
    allocator = PortAllocator(ports)
    assert {allocator.take() for _ in range(5)} == set(ports)
    with pytest.raises(NoFreePortError):
        allocator.take()


def test_two_allocators_never_hand_out_the_same_port() -> None:
    ports = free_ports(4)
    one, other = PortAllocator(ports), PortAllocator(ports)
    taken = [allocator.take() for allocator in (one, other, one, other)]
    assert sorted(taken) == sorted(ports)
    one.give_back(taken[0])
    assert other.take() == taken[0]


def test_port_of_a_process_that_has_ended_can_be_had_again() -> None:
    (port,) = free_ports(1)
    script = (
        "from inflight.local.ports import PortAllocator\n"
        f"print(PortAllocator([{port}]).take(), flush=True)\n"
        "input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"%d\n" % port
        with pytest.raises(NoFreePortError):
            PortAllocator([port]).take()
        process.kill()
    assert PortAllocator([port]).take() == port


def test_port_in_use_is_passed_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        used = server.getsockname()[1]
        (free,) = free_ports(1)
        assert PortAllocator([used, free]).take() == free


def test_returned_port_is_the_last_to_come_again() -> None:
    allocator = PortAllocator(free_ports(3))
    first = allocator.take()
    allocator.give_back(first)
    assert [allocator.take() for _ in range(3)][-1] == first


def test_pods_and_activators_never_share_a_port() -> None:
    assert 20_000 <= activator_ports().take() < 30_000
    port = pod_ports().take()
    assert not 20_000 <= port < 30_000
    assert port >= 10_000
