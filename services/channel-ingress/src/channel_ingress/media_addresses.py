"""Which addresses a customer's file may be fetched from: a link in a message is not ours."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

_WRAPPED = tuple(
    ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "::/96")
)
"""IPv6 addresses that hold an IPv4 address, which could be a private one."""


class AddressRefused(OSError):
    """Not one of the hosts that files may be fetched from, or one with a private address."""


class MediaAddresses:
    """The provider's hosts, and the host of the configured Graph URL whatever its address."""

    def __init__(self, graph_url: str, host_suffixes: Iterable[str]) -> None:
        self._graph = URL(graph_url)
        self._suffixes = tuple(suffix.strip().lower().lstrip(".") for suffix in host_suffixes)

    def check(self, text: str, base: URL | None = None) -> URL:
        """The address to call, of a link or of a redirect from `base`; AddressRefused says why
        not."""
        try:
            url = URL(text) if base is None else base.join(URL(text))
        except ValueError as error:
            raise AddressRefused("the link is no URL") from error
        if url.user is not None or url.password is not None:
            raise AddressRefused("the link holds a user name")
        if self._is_graph(url):
            return url
        host = (url.host or "").lower().rstrip(".")
        if url.scheme != "https" or url.port != 443:
            raise AddressRefused("the link is not https on its usual port")
        if not any(host == suffix or host.endswith(f".{suffix}") for suffix in self._suffixes):
            raise AddressRefused(f"{host[:200]} is not a host of the provider")
        return url

    def is_graph_host(self, host: str) -> bool:
        """Whether this is the configured Graph host, which may be private."""
        return host == self._graph.host

    def _is_graph(self, url: URL) -> bool:
        own = self._graph
        return (url.scheme, url.host, url.port) == (own.scheme, own.host, own.port)


class PublicResolver(AbstractResolver):
    """Resolves names, and refuses those with an address that is not public."""

    def __init__(self, addresses: MediaAddresses, resolver: AbstractResolver | None = None) -> None:
        self._addresses = addresses
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name; AddressRefused when one of them is not public."""
        found = await self._resolver.resolve(host, port, family)
        if not self._addresses.is_graph_host(host):
            for result in found:
                if not is_public(result["host"]):
                    raise AddressRefused(f"{host} has a private address")
        return found

    async def close(self) -> None:
        """Close the resolver below."""
        await self._resolver.close()


def is_public(text: str) -> bool:
    """Whether an IP address is one of the open internet."""
    try:
        address = ipaddress.ip_address(text.split("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and (
        address.ipv4_mapped is not None or any(address in network for network in _WRAPPED)
    ):
        return False
    return address.is_global and not address.is_multicast
