"""Which URLs and network addresses an endpoint may have. Pure: no look-up happens here.

The list is explicit because `ipaddress.is_global` of older Pythons lets wrapped loopback
addresses (NAT64, 6to4), multicast and other reserved ranges pass.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from yarl import URL

URL_LENGTH_MAX: Final = 2_048
_PORTS: Final = frozenset({443, 8443})

_BLOCKED_V4: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
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
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/32",
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


class BlockedAddress(OSError):
    """The address is not on the public internet; nothing was sent."""

    def __init__(self) -> None:
        super().__init__("the address is not public")


class InvalidUrl(ValueError):
    """The URL cannot be an endpoint; the text says why, for a person."""


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """Where POSTs may go: the public internet, or anywhere in development."""

    allow_private_networks: bool

    def check_address(self, address: str) -> None:
        """Raise BlockedAddress unless this literal address may be dialled."""
        if not self.allow_private_networks and is_blocked(address):
            raise BlockedAddress

    def check_url(self, text: str) -> URL:
        """Parse an endpoint's URL; InvalidUrl says what is wrong with it."""
        url = _parsed(text)
        if self.allow_private_networks:
            if url.scheme not in {"http", "https"}:
                raise InvalidUrl("the URL must begin with http:// or https://")
            return url
        if url.scheme != "https":
            raise InvalidUrl("the URL must begin with https://")
        if url.port not in _PORTS:
            raise InvalidUrl("the port must be 443 or 8443")
        if _is_literal(url.host or "") and is_blocked(url.host or ""):
            raise InvalidUrl("the address is not on the public internet")
        return url


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


def _parsed(text: str) -> URL:
    if len(text) > URL_LENGTH_MAX:
        raise InvalidUrl(f"the URL is longer than {URL_LENGTH_MAX} characters")
    if any(character.isspace() or not character.isprintable() for character in text):
        raise InvalidUrl("the URL holds spaces or control characters")
    try:
        url = URL(text)
        host, port = url.host, url.port
    except ValueError:
        raise InvalidUrl("this is not a URL") from None
    if not host or port is None or port == 0 or not url.absolute:
        raise InvalidUrl("the URL names no host")
    if url.user is not None or url.password is not None:
        raise InvalidUrl("the URL must not hold a user name or password")
    return url


def _is_literal(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
