import pytest

from activator.core.trusted_networks import TrustedNetworks, read_networks


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("11.1.2.3", False),
        ("fd00::1", True),
        ("fd00::1%eth0", True),
        ("fe80::1", False),
        ("", False),
        ("unix", False),
    ],
)
def test_a_peer_is_trusted_by_its_address(peer: str, *, trusted: bool) -> None:
    networks = TrustedNetworks(read_networks("10.0.0.0/8, fd00::/8"))
    assert (peer in networks) is trusted
    assert (peer in networks) is trusted  # as it is remembered


def test_nobody_is_trusted_unless_named() -> None:
    assert "127.0.0.1" not in TrustedNetworks(read_networks(""))


def test_many_peers_are_not_all_remembered() -> None:
    networks = TrustedNetworks(read_networks("10.0.0.0/8"))
    for number in range(20_001):
        assert f"10.0.{number // 256}.{number % 256}" in networks
    assert len(networks._remembered) <= 10_000


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "everyone"])
def test_what_is_no_network_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"not permitted|has host bits|does not appear"):
        read_networks(text)
