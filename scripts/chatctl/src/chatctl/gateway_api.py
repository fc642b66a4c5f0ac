"""The gateway's REST API as this command line uses it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

import aiohttp

TIMEOUT_SECONDS = 30.0
PAGE_ITEMS = 100


class ApiProblem(RuntimeError):
    """The API refused; the text is its problem+json in one line."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status = status
        self.code = str(body.get("code", ""))
        detail = body.get("detail") or body.get("title") or "no detail"
        trace = f" (trace {body['trace_id']})" if body.get("trace_id") else ""
        super().__init__(f"{status} {self.code}: {detail}{trace}")


class GatewayApi:
    """`async with GatewayApi(url, key) as api: await api.get("/api/tenants")`."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers=self._headers, timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        )
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Send one request; return the decoded body, or raise ApiProblem."""
        if self._session is None:
            raise RuntimeError("use `async with GatewayApi(...)`")
        async with self._session.request(method, self._url + path, **arguments) as answer:
            body = await answer.json(content_type=None) if answer.content_length != 0 else None
            if answer.status >= 400:
                raise ApiProblem(answer.status, body if isinstance(body, dict) else {})
            return body

    async def get(self, path: str, **query: str | int) -> Any:
        """GET with a query."""
        return await self.call("GET", path, params=query)

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """POST a JSON object."""
        return await self.call("POST", path, json=body or {})

    async def put(self, path: str, body: dict[str, Any]) -> Any:
        """PUT a JSON object."""
        return await self.call("PUT", path, json=body)

    async def delete(self, path: str) -> Any:
        """DELETE."""
        return await self.call("DELETE", path)

    async def upload(self, path: str, file_name: str, data: bytes, content_type: str) -> Any:
        """POST one file as multipart form data."""
        form = aiohttp.FormData()
        form.add_field("file", data, filename=file_name, content_type=content_type)
        return await self.call("POST", path, data=form)

    async def every(self, path: str, **query: str | int) -> AsyncIterator[dict[str, Any]]:
        """Yield every item of a list, page by page."""
        cursor: str | None = None
        while True:
            wanted = {**query, "limit": PAGE_ITEMS, **({"cursor": cursor} if cursor else {})}
            page = await self.get(path, **wanted)
            for item in page["items"]:
                yield item
            cursor = page.get("next_cursor")
            if not cursor:
                return
