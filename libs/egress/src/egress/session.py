"""The session that dials checked addresses.

A name is resolved once for a connection, every answer is checked, and the checked address is what
is dialled: a name that changes its mind in between (rebinding) gains nothing. No proxies from the
environment, no cookies, no decompression behind our back.
"""

import asyncio
import socket
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from egress.errors import BlockedAddress
from egress.policy import EgressPolicy

CONNECT_SECONDS: Final = 3.0
KEEP_ALIVE_SECONDS: Final = 30.0


class CheckedResolver(AbstractResolver):
    """Resolves once with the system's resolver; one private answer refuses the whole name."""

    def __init__(self, policy: EgressPolicy) -> None:
        self._policy = policy

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the checked answers; BlockedAddress, or the resolver's own OSError."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        for *_, address in found:
            self._policy.check_address(str(address[0]))
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """Nothing is held."""


def open_session(
    policy: EgressPolicy,
    *,
    user_agent: str,
    total_seconds: float,
    connect_seconds: float = CONNECT_SECONDS,
    read_seconds: float | None = None,
    connections_max: int = 100,
) -> aiohttp.ClientSession:
    """Make a process's one pooled session of a kind; the caller closes it."""

    def dial(address_info: Any) -> socket.socket:
        # The last net: it also sees literal addresses, which no resolver is asked about.
        family, kind, protocol, _, address = address_info
        policy.check_address(str(address[0]))
        return socket.socket(family, kind, protocol)

    connector = aiohttp.TCPConnector(
        limit=connections_max,
        resolver=CheckedResolver(policy),
        use_dns_cache=False,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        socket_factory=dial,
    )
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(
            total=total_seconds, connect=connect_seconds, sock_read=read_seconds
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        headers={"user-agent": user_agent, "accept-encoding": "identity"},
    )


def is_blocked_error(error: BaseException) -> bool:
    """Whether a connection error means that the address was refused by us."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return isinstance(error.os_error, BlockedAddress)
    return isinstance(error, BlockedAddress)
