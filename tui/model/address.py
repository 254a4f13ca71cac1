"""Addresses between text, packed bytes and networks. Resolves nothing."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
UNKNOWN = "0.0.0.0"  # noqa: S104 - no address is bound
"""Stands for the address of what only the log of a proxy tells, where that has a name alone."""
ADDRESS_MAX = 64
"""Characters of an address with its zone: 45, ``%``, and an interface's name (IFNAMSIZ) and more."""


def parse_address(text: str) -> Address:
    """An address from its text; v4-mapped ones (RFC 4291 §2.5.5.2) as IPv4, a zone (``%eth0``) is dropped.

    :raises ValueError: if the text is no address
    """
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def parse_network(text: str, *, strict: bool = True) -> Network:
    """A network from its CIDR text; one within the v4-mapped addresses as IPv4, as ``parse_address`` has them.

    :raises ValueError: if the text is no network or, where that is ``strict``, has host bits set
    """
    network = ip_network(text, strict)
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is None or network.prefixlen < 96:
        return network
    return ip_network((mapped, network.prefixlen - 96))


@lru_cache(maxsize=65536)
def normal(text: str) -> str:
    """The usual text of an address; remembered, since the same ones come with every look.

    :raises ValueError: if the text is no address
    """
    return str(parse_address(text))


@lru_cache(maxsize=65536)
def pack(text: str) -> bytes:
    """Four or sixteen bytes of an address's text.

    :raises ValueError: if the text is no address
    """
    return parse_address(text).packed


@lru_cache(maxsize=65536)
def unpack(packed: bytes) -> str:
    """The text of a packed address.

    :raises ValueError: unless there are four or sixteen bytes
    """
    if len(packed) not in (4, 16):
        raise ValueError(f"an address has 4 or 16 bytes, not {len(packed)}")
    return str(ip_address(packed))


class Networks:
    """A fixed list of networks that answers whether an address is in one of them."""

    __slots__ = ("_known", "_networks")

    def __init__(self, networks: Iterable[str | Network]) -> None:
        """Take networks as text or values.

        :raises ValueError: if a text is no network, or has host bits set
        """
        self._networks = tuple(parse_network(n) if isinstance(n, str) else n for n in networks)
        self._known: dict[str, bool] = {}

    def __contains__(self, ip: str) -> bool:
        known = self._known.get(ip)
        if known is None:
            address = parse_address(ip)
            known = any(address in network for network in self._networks)
            if len(self._known) >= 65536:
                self._known.clear()
            self._known[ip] = known
        return known
