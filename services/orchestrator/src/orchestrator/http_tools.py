"""Tools by HTTPS: one signed POST to an address of the tenant's, by way of the checked way out."""

from http import HTTPStatus
from typing import Final

import aiohttp

from egress import EgressPolicy, InvalidUrl, is_blocked_error, open_session
from orchestrator.own_tools import ANSWER_BYTES_MAX, OwnCall, OwnTool, readable
from orchestrator.tool_signing import signed_headers
from orchestrator.tool_text import cleaned, without_secrets
from orchestrator.tools import ToolFailed

USER_AGENT: Final = "meta-chat-tools/1"
CONNECTIONS_MAX: Final = 100
TOTAL_SECONDS_MAX: Final = 60.0
OURS: Final = frozenset(
    {
        "accept", "accept-encoding", "connection", "content-encoding", "content-length",
        "content-type", "expect", "host", "idempotency-key", "keep-alive", "proxy-authorization",
        "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "webhook-id",
        "webhook-signature", "webhook-timestamp",
    }
)  # fmt: skip
"""Headers that a tenant cannot choose."""

_TOLD_CHARACTERS: Final = 500
_PIECE_BYTES: Final = 64 * 1024


class HttpTools:
    """Calls https tools through one pooled session, which is opened with the first call."""

    def __init__(self, policy: EgressPolicy) -> None:
        self._policy = policy
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()

    async def call(self, tool: OwnTool, call: OwnCall) -> str:
        """POST the call; the model reads what went wrong, never where or with which secret."""
        body = call.body(tool)
        headers = {
            **tool.headers,
            **signed_headers(tool.secrets, call.call_id, body),
            "idempotency-key": str(call.call_id),
            "content-type": "application/json",
            "accept": "application/json, text/plain",
        }
        try:
            url = self._policy.check_url(tool.url or "")
            async with self._opened().post(
                url, data=body.encode(), headers=headers, allow_redirects=False
            ) as response:
                try:
                    text = await _read(response)
                finally:
                    # Whatever was not read, however long, never is.
                    response.close()
        except InvalidUrl:
            raise ToolFailed("the tool's address may not be called", "blocked") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _failure(error) from None
        return without_secrets(text, _secrets_of(tool))

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = open_session(
                self._policy,
                user_agent=USER_AGENT,
                total_seconds=TOTAL_SECONDS_MAX,
                connections_max=CONNECTIONS_MAX,
            )
        return self._session


async def _read(response: aiohttp.ClientResponse) -> str:
    status = response.status
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        raise ToolFailed("the tool answered with a redirect, which is not followed")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise ToolFailed(
            f"the tool answered with an error (status {status}); it is not known whether it did "
            "its work",
            maybe_done=True,
        )
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise ToolFailed("the tool's answer was packed, which was not asked for", maybe_done=True)
    content = await _content(response)
    if status >= HTTPStatus.BAD_REQUEST:
        words = cleaned(content.decode(errors="replace"), _TOLD_CHARACTERS)
        raise ToolFailed(f"the tool refused (status {status}): {words}", "refused")
    return readable(response.content_type, content)


async def _content(response: aiohttp.ClientResponse) -> bytes:
    kept = bytearray()
    if (response.content_length or 0) <= ANSWER_BYTES_MAX:
        async for piece in response.content.iter_chunked(_PIECE_BYTES):
            kept += piece
            if len(kept) > ANSWER_BYTES_MAX:
                break
        else:
            return bytes(kept)
    raise ToolFailed("the tool's answer was too long to be read", "too_large", maybe_done=True)


def _secrets_of(tool: OwnTool) -> list[str]:
    values = [word for value in tool.headers.values() for word in (value, *value.split())]
    return [*values, *tool.secrets, tool.url or ""]


def _failure(error: Exception) -> ToolFailed:
    if is_blocked_error(error):
        return ToolFailed("the tool's address may not be called", "blocked")
    if isinstance(error, TimeoutError):
        return ToolFailed("the tool did not answer in time", "timeout", maybe_done=True)
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientSSLError):
        return ToolFailed("the tool could not be reached", "unreachable")
    return ToolFailed("the connection to the tool broke", "broken", maybe_done=True)
