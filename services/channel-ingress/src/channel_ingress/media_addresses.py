"""Which links a customer's file may be fetched from: a link in a message is not ours."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

from yarl import URL

from egress import EgressPolicy, InvalidUrl

LINKS = EgressPolicy(ports=MappingProxyType({"https": frozenset({443})}))
"""What the links of messages may lead to."""

OWN_GRAPH = EgressPolicy(allow_private_networks=True)
"""The configured Graph URL is the operator's word, whatever its address."""


class AddressRefused(Exception):
    """Not one of the hosts that files may be fetched from."""


class MediaAddresses:
    """The provider's hosts, and the configured Graph URL whatever its address."""

    def __init__(self, graph_url: str, host_suffixes: Iterable[str]) -> None:
        self._graph = URL(graph_url).origin()
        self._suffixes = tuple(suffix.strip().lower().lstrip(".") for suffix in host_suffixes)

    def check(self, text: str, base: URL | None = None) -> URL:
        """The URL to call, of a link or of a redirect from `base`; AddressRefused says why not."""
        try:
            url = OWN_GRAPH.check_url(text, base)
            if self.is_graph(url):
                return url
            LINKS.check_url(str(url))
        except InvalidUrl as error:
            raise AddressRefused(str(error)) from error
        host = (url.host or "").lower().rstrip(".")
        if not any(host == suffix or host.endswith(f".{suffix}") for suffix in self._suffixes):
            raise AddressRefused(f"{host[:200]} is not a host of the provider")
        return url

    def is_graph(self, url: URL) -> bool:
        """Whether this is at the configured Graph URL, which may be private."""
        return url.origin() == self._graph
