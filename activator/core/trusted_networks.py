"""Whose headers are believed: an ingress may name a revision by headers, a client may not.

With these headers a request reaches any revision of any namespace, whatever its Host says; so they
count only from networks that an operator has named.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

_MOST_REMEMBERED = 10_000

Network = IPv4Network | IPv6Network


class TrustedNetworks:
    """Networks, and what was found out about peers."""

    __slots__ = ("_networks", "_remembered")

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(networks)
        self._remembered: dict[str, bool] = {}

    def __repr__(self) -> str:
        return f"<TrustedNetworks {', '.join(map(str, self._networks)) or 'none'}>"

    def __contains__(self, peer: str) -> bool:
        if not self._networks:
            return False
        known = self._remembered.get(peer)
        if known is None:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            address = _address(peer)
            known = address is not None and any(address in one for one in self._networks)
            self._remembered[peer] = known
        return known


def read_networks(text: str) -> tuple[Network, ...]:
    """Return what `10.0.0.0/8, fd00::/8` says. Raises ValueError for anything else."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def _address(peer: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return None
    # A socket for both families shows IPv4 peers in this way.
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
