"""Which URLs may be called, and which addresses dialled. Pure: no look-up happens here."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from yarl import URL

from egress.errors import BlockedAddress, InvalidUrl
from egress.networks import is_blocked, is_literal

URL_LENGTH_MAX: Final = 2_048

_NAME: Final = re.compile(r"(?=.{1,254}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.ASCII)

Ports = Mapping[str, frozenset[int]]

HTTPS: Final[Ports] = MappingProxyType({"https": frozenset({443, 8443})})
"""Where something of a tenant's is sent to: never in the clear."""

WEB: Final[Ports] = MappingProxyType({**HTTPS, "http": frozenset({80})})
"""Where public pages are read from."""


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """The public internet by these schemes and ports; anywhere in development and tests."""

    allow_private_networks: bool = False
    ports: Ports = field(default_factory=lambda: HTTPS)

    def check_address(self, address: str) -> None:
        """Raise BlockedAddress unless this literal address may be dialled."""
        if not self.allow_private_networks and is_blocked(address):
            raise BlockedAddress

    def check_url(self, text: str, base: URL | None = None) -> URL:
        """Parse a URL, or what a redirect from `base` says; InvalidUrl says what is wrong."""
        url = _parsed(text, base)
        if self.allow_private_networks:
            if url.scheme not in {"http", "https"}:
                raise InvalidUrl("the URL must begin with http:// or https://")
            return url
        if url.scheme not in self.ports:
            raise InvalidUrl(f"the URL must begin with {_choice(f'{s}://' for s in self.ports)}")
        allowed = self.ports[url.scheme]
        if url.port not in allowed:
            raise InvalidUrl(f"the port must be {_choice(str(port) for port in sorted(allowed))}")
        if is_literal(url.host or "") and is_blocked(url.host or ""):
            raise InvalidUrl("the address is not on the public internet")
        return url


def _parsed(text: str, base: URL | None) -> URL:
    if len(text) > URL_LENGTH_MAX:
        raise InvalidUrl(f"the URL is longer than {URL_LENGTH_MAX} characters")
    if any(character.isspace() or not character.isprintable() for character in text):
        raise InvalidUrl("the URL holds spaces or control characters")
    if "\\" in text:
        # Some read it as a slash, others as part of a name: nobody should have to guess the host.
        raise InvalidUrl("the URL holds a backslash")
    try:
        url = URL(text) if base is None else base.join(URL(text))
        host, port = url.raw_host, url.port
    except ValueError:
        raise InvalidUrl("this is not a URL") from None
    if len(str(url)) > URL_LENGTH_MAX:
        # Letters that are not ASCII are longer in the address than they were in the text.
        raise InvalidUrl(f"the URL is longer than {URL_LENGTH_MAX} characters")
    if not host or port is None or port == 0 or not url.absolute:
        raise InvalidUrl("the URL names no host")
    if not (is_literal(host) or _NAME.fullmatch(host.lower())):
        raise InvalidUrl("the URL's host is not a name")
    if url.user is not None or url.password is not None:
        raise InvalidUrl("the URL must not hold a user name or password")
    return url


def _choice(words: Iterable[str]) -> str:
    return " or ".join(words)
