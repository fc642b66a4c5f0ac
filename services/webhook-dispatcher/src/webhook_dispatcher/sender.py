"""One signed POST and what it came to. Never raises: every failure is an outcome with a code."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from time import perf_counter
from typing import Final

import aiohttp

from egress import EgressPolicy, InvalidUrl, is_blocked_error, open_session
from observe import afailpoint, get_logger
from sealing import KeyRing, SealingError
from webhook_dispatcher.cloud_events import CONTENT_TYPE
from webhook_dispatcher.domain import (
    ANSWER_BYTES_MAX,
    Code,
    Outcome,
    code_of_status,
    read_retry_after,
)
from webhook_dispatcher.signing import signed_headers, unseal_secret
from webhook_dispatcher.store import Claimed

USER_AGENT: Final = "MetaChat-Webhooks/1.0"
_CONNECTIONS_MAX: Final = 400
_ANSWER_SECONDS: Final = 2.0

_log = get_logger("sender")


def open_webhook_session(policy: EgressPolicy, attempt_seconds: float) -> aiohttp.ClientSession:
    """Make the process's one pooled session for webhooks; the caller closes it."""
    return open_session(
        policy,
        user_agent=USER_AGENT,
        total_seconds=attempt_seconds,
        connections_max=_CONNECTIONS_MAX,
    )


class Sender:
    """POSTs claimed deliveries."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        ring: KeyRing,
        policy: EgressPolicy,
        now: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._ring = ring
        self._policy = policy
        self._now = now

    async def send(self, claimed: Claimed) -> Outcome:
        """Sign and POST once."""
        started = perf_counter()
        code, status_code, answer, retry_after = await self._attempt(claimed)
        return Outcome(
            code=code,
            status_code=status_code,
            milliseconds=round((perf_counter() - started) * 1000),
            answer=answer,
            retry_after_seconds=retry_after,
        )

    async def _attempt(self, claimed: Claimed) -> tuple[Code, int | None, str, float | None]:
        try:
            headers = self._headers(claimed)
            url = self._policy.check_url(claimed.url)
        except SealingError as error:
            _log.error("signing secret unreadable", endpoint_id=claimed.endpoint_id, error=error)
            return Code.SECRET_UNREADABLE, None, "", None
        except InvalidUrl as error:
            return Code.INVALID_URL, None, str(error), None
        try:
            async with self._session.post(
                url, data=claimed.body.encode(), headers=headers, allow_redirects=False
            ) as response:
                await afailpoint("webhook-dispatcher.sent_unread")
                answer = await _begin_of_answer(response)
                code = code_of_status(response.status)
                retry_after = read_retry_after(response.headers.get("retry-after"))
                return code, response.status, answer, retry_after
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return _code_of_error(error), None, _reason(error), None

    def _headers(self, claimed: Claimed) -> dict[str, str]:
        secrets = [
            unseal_secret(self._ring, sealed, claimed.tenant_id, claimed.endpoint_id)
            for sealed in claimed.sealed_secrets
        ]
        signed = signed_headers(secrets, claimed.event_id, claimed.body, self._now())
        return {**signed, "content-type": CONTENT_TYPE}


async def _begin_of_answer(response: aiohttp.ClientResponse) -> str:
    """Read at most 16 KiB for at most two seconds; the status has decided already."""
    kept = bytearray()
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            while len(kept) < ANSWER_BYTES_MAX and not response.content.at_eof():
                kept += await response.content.read(ANSWER_BYTES_MAX - len(kept))
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        kept += f" [{type(error).__name__}]".encode()
    if not response.content.at_eof():
        # The rest, however long, is never read: the connection goes with it.
        response.close()
    return kept[:ANSWER_BYTES_MAX].decode("utf-8", errors="replace").replace("\x00", "�")


def _code_of_error(error: Exception) -> Code:
    if is_blocked_error(error):
        return Code.BLOCKED_ADDRESS
    if isinstance(error, TimeoutError):
        return Code.TIMEOUT
    if isinstance(error, aiohttp.ClientSSLError):
        return Code.TLS_ERROR
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Code.UNRESOLVABLE
    if isinstance(error, aiohttp.InvalidURL | ValueError) and not isinstance(error, OSError):
        return Code.INVALID_URL
    return Code.CONNECTION_FAILED


def _reason(error: Exception) -> str:
    """Say what happened without the address that a name led to."""
    if is_blocked_error(error):
        return "the address is not on the public internet"
    return type(error).__name__
