"""HTTP of MCP's SDK by way of the checked way out: its client never dials by itself."""

from collections.abc import AsyncIterator
from typing import Final

import aiohttp
import httpx2

from egress import EgressPolicy, InvalidUrl, is_blocked_error

ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
"""Of one response; a stream of server's news that is longer is begun anew."""

_TIMES: Final = aiohttp.ClientTimeout(total=None, sock_connect=3.0, sock_read=300.0)
_NOT_PASSED_ON: Final = frozenset({"host", "connection", "content-length", "accept-encoding"})


class CheckedTransport(httpx2.AsyncBaseTransport):
    """Sends each request through a session that dials only what it has checked."""

    def __init__(self, session: aiohttp.ClientSession, policy: EgressPolicy) -> None:
        self._session = session
        self._policy = policy

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it; redirects come back as they are, and no packed answer is taken."""
        headers = [
            (name, value)
            for name, value in request.headers.items()
            if name.lower() not in _NOT_PASSED_ON
        ]
        try:
            url = self._policy.check_url(str(request.url))
            response = await self._session.request(
                request.method,
                url,
                data=await request.aread() or None,
                headers=[*headers, ("accept-encoding", "identity")],
                allow_redirects=False,
                timeout=_TIMES,
            )
        except InvalidUrl:
            raise httpx2.UnsupportedProtocol("the address may not be called") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _failure(error) from None
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            response.close()
            raise httpx2.RemoteProtocolError("a packed answer was not asked for")
        return httpx2.Response(
            response.status,
            headers=[(name, value) for name, value in response.headers.items()],
            stream=_Body(response),
        )


class _Body(httpx2.AsyncByteStream):
    """What a server says, as it comes, up to a bound."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = ANSWER_BYTES_MAX
        try:
            async for piece in self._response.content.iter_any():
                left -= len(piece)
                if left < 0:
                    raise httpx2.ReadError("the answer is too long")
                yield piece
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _failure(error) from None

    async def aclose(self) -> None:
        """Whatever was not read never is."""
        self._response.close()


def _failure(error: Exception) -> httpx2.TransportError:
    if is_blocked_error(error):
        return httpx2.ConnectError("the address is not on the public internet")
    if isinstance(error, TimeoutError):
        return httpx2.ReadTimeout("no answer in time")
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientSSLError):
        return httpx2.ConnectError("it could not be reached")
    return httpx2.ReadError("the connection broke")
