"""Which addresses are never dialled. Pure.

The list is explicit because `ipaddress.is_global` of older Pythons lets wrapped loopback addresses
(NAT64, 6to4), multicast and other reserved ranges pass.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

_BLOCKED_V4: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        # A cloud's agent for its machines, public by its number only.
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_BLOCKED_V6: Final = tuple(
    ip_network(text)
    for text in (
        "::/96",
        "::ffff:0:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)


def is_blocked(address: str) -> bool:
    """Whether an address is loopback, private, link-local, multicast, reserved or wraps such."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv4Address):
        return any(parsed in network for network in _BLOCKED_V4)
    return _is_blocked_v6(parsed)


def _is_blocked_v6(parsed: IPv6Address) -> bool:
    if parsed.ipv4_mapped is not None:
        return any(parsed.ipv4_mapped in network for network in _BLOCKED_V4)
    return any(parsed in network for network in _BLOCKED_V6)


def is_literal(host: str) -> bool:
    """Whether a URL's host is an address and not a name."""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
