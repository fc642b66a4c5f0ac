"""Calls of Meta's Graph API: one pooled session, and an honest reading of every answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import aiohttp
import orjson

from channel_ingress.adapters import GraphAdapter
from channel_ingress.domain import Accepted, CallResult, NotSent, Refused, Unanswered
from channel_ingress.metrics import GRAPH_SECONDS
from channel_ingress.reading import MALFORMED, cleaned

CONNECT_SECONDS = 5.0
CALL_SECONDS = 20.0
"""The longest that one call may take; an attempt older than this is not in flight any more."""
UPLOAD_SECONDS = 120.0
CONNECTIONS_MAX = 64
CODE_MAX = 2**31
"""No error code of Meta's is longer; what is comes from somebody else."""


@dataclass(frozen=True, slots=True)
class Answered:
    """Graph did what was asked."""

    body: dict[str, Any]


GraphAnswer: TypeAlias = Answered | Refused | NotSent | Unanswered


class GraphClient:
    """Sends to `{url}/{version}/…` with a channel's own token."""

    def __init__(self, session: aiohttp.ClientSession, url: str, version: str) -> None:
        self._session = session
        self._root = f"{url.rstrip('/')}/{version}"

    @classmethod
    def open(cls, url: str, version: str) -> GraphClient:
        """A client with a session of its own; `close` ends it."""
        connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=15.0)
        timeout = aiohttp.ClientTimeout(
            total=CALL_SECONDS, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS
        )
        session = aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
            trust_env=False,
        )
        return cls(session, url, version)

    @property
    def root(self) -> str:
        """`{url}/{version}`."""
        return self._root

    async def get(
        self, path: str, token: str, params: Mapping[str, str] | None = None
    ) -> GraphAnswer:
        """Read something."""
        return await self.call("GET", path, token, params=params)

    async def delete(
        self, path: str, token: str, params: Mapping[str, str] | None = None
    ) -> GraphAnswer:
        """Delete something."""
        return await self.call("DELETE", path, token, params=params)

    async def call(
        self,
        method: str,
        path: str,
        token: str,
        *,
        params: Mapping[str, str] | None = None,
        body: dict[str, Any] | None = None,
    ) -> GraphAnswer:
        """One call about something else than a message; refusals carry all of Meta's words."""
        started = time.perf_counter()
        answer = await self._call(method, path, token, params, body)
        outcome = type(answer).__name__.lower()
        GRAPH_SECONDS.labels(outcome).observe(time.perf_counter() - started)
        return answer

    async def _call(
        self,
        method: str,
        path: str,
        token: str,
        params: Mapping[str, str] | None,
        body: dict[str, Any] | None,
    ) -> GraphAnswer:
        headers = {"Authorization": f"Bearer {token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with self._session.request(
                method,
                f"{self._root}/{path}",
                params=params,
                data=None if body is None else orjson.dumps(body),
                headers=headers,
                allow_redirects=False,
            ) as answer:
                return _read_any(answer.status, await answer.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return NotSent(type(error).__name__)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Unanswered(type(error).__name__)

    async def upload(self, path: str, form: aiohttp.FormData, token: str) -> GraphAnswer:
        """Send a file; it may take longer than other calls."""
        try:
            async with self._session.post(
                f"{self._root}/{path}",
                data=form,
                headers={"Authorization": f"Bearer {token}"},
                timeout=aiohttp.ClientTimeout(total=UPLOAD_SECONDS, sock_connect=CONNECT_SECONDS),
                allow_redirects=False,
            ) as answer:
                return _read_any(answer.status, await answer.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return NotSent(type(error).__name__)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Unanswered(type(error).__name__)

    async def close(self) -> None:
        """Close the pool."""
        await self._session.close()

    async def send(
        self, adapter: GraphAdapter, path: str, body: dict[str, Any], token: str
    ) -> CallResult:
        """One POST, never repeated here; says what is known of its effect."""
        started = time.perf_counter()
        result = await self._post(adapter, path, body, token)
        outcome = type(result).__name__.lower()
        GRAPH_SECONDS.labels(outcome).observe(time.perf_counter() - started)
        return result

    async def _post(
        self, adapter: GraphAdapter, path: str, body: dict[str, Any], token: str
    ) -> CallResult:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            async with self._session.post(
                f"{self._root}/{path}",
                data=orjson.dumps(body),
                headers=headers,
                allow_redirects=False,
            ) as answer:
                return _read_answer(adapter, body, answer.status, await answer.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return NotSent(type(error).__name__)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Unanswered(type(error).__name__)


def _read_answer(
    adapter: GraphAdapter, body: dict[str, Any], status: int, raw: bytes
) -> CallResult:
    try:
        answer = orjson.loads(raw)
    except orjson.JSONDecodeError:
        answer = None
    if 200 <= status < 300:
        try:
            return Accepted(adapter.accepted_id(answer, body))
        except MALFORMED:
            return Unanswered(f"HTTP {status} without a message id")
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(error, dict) and _is_code(error.get("code")):
        return _refused(status, error)
    if 400 <= status < 500:
        return Refused(status, -status, f"HTTP {status} without a Graph error")
    return Unanswered(f"HTTP {status} without a Graph error")


def _read_any(status: int, raw: bytes) -> GraphAnswer:
    try:
        answer = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return Unanswered(f"HTTP {status} without JSON")
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(error, dict) and _is_code(error.get("code")):
        return _refused(status, error)
    if 200 <= status < 300:
        return Answered(answer if isinstance(answer, dict) else {"data": answer})
    if 400 <= status < 500:
        return Refused(status, -status, f"HTTP {status} without a Graph error")
    return Unanswered(f"HTTP {status} without a Graph error")


def _refused(status: int, error: dict[str, Any]) -> Refused:
    subcode, request_id = error.get("error_subcode"), error.get("fbtrace_id")
    return Refused(
        status,
        error["code"],
        words_of(error),
        subcode if _is_code(subcode) else None,
        cleaned(str(request_id)[:64]) if request_id else None,
    )


def _is_code(value: object) -> bool:
    return type(value) is int and abs(value) <= CODE_MAX


def words_of(error: dict[str, Any]) -> str:
    """Everything that Meta says for people in an error, at most 1,500 characters."""
    data = error.get("error_data")
    said = (
        error.get("message"),
        error.get("error_user_title"),
        error.get("error_user_msg"),
        data.get("details") if isinstance(data, dict) else None,
    )
    words = dict.fromkeys(str(part) for part in said if part)
    return cleaned(": ".join(words)[:1_500])
