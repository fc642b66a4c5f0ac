"""The gateway's REST API as this command line uses it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar

import aiohttp

TIMEOUT_SECONDS = 30.0
UPLOAD_TIMEOUT = aiohttp.ClientTimeout(total=600.0)
PAGE_ITEMS = 100
PATIENCE_SECONDS = 120

T = TypeVar("T")


class ApiProblem(RuntimeError):
    """The API refused; the text is its problem+json in one line."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status = status
        self.code = str(body.get("code", ""))
        detail = body.get("detail") or body.get("title") or "no detail"
        trace = f" (trace {body['trace_id']})" if body.get("trace_id") else ""
        super().__init__(f"{status} {self.code}: {detail}{trace}")


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask again, a second later, as long as the API says that it is asked too often."""
    for _ in range(PATIENCE_SECONDS):
        try:
            return await ask()
        except ApiProblem as problem:
            if problem.status != 429:
                raise
        await asyncio.sleep(1)
    return await ask()


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
        return (await self.exchange(method, path, **arguments))[0]

    async def exchange(
        self, method: str, path: str, **arguments: Any
    ) -> tuple[Any, Mapping[str, str]]:
        """As `call`, with the answer's headers."""
        if self._session is None:
            raise RuntimeError("use `async with GatewayApi(...)`")
        async with self._session.request(method, self._url + path, **arguments) as answer:
            has_body = answer.content_length != 0 and method != "HEAD"
            body = await answer.json(content_type=None) if has_body else None
            if answer.status >= 400:
                raise ApiProblem(answer.status, body if isinstance(body, dict) else {})
            return body, answer.headers

    async def download(self, path: str, target: BinaryIO, **query: str | int) -> str:
        """GET bytes into a file; return the name they are saved under."""
        if self._session is None:
            raise RuntimeError("use `async with GatewayApi(...)`")
        async with self._session.get(self._url + path, params=query) as answer:
            if answer.status >= 400:
                raise ApiProblem(answer.status, await answer.json(content_type=None))
            async for piece in answer.content.iter_chunked(256 * 1024):
                target.write(piece)
            found = answer.content_disposition
            return (found.filename if found else None) or "document"

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

    async def patch(self, path: str, body: dict[str, Any]) -> Any:
        """PATCH a JSON object."""
        return await self.call("PATCH", path, json=body)

    async def upload(
        self,
        path: str,
        file_name: str,
        data: bytes,
        content_type: str,
        *,
        method: str = "POST",
        fields: Mapping[str, str] | None = None,
    ) -> Any:
        """POST (or PUT) one file as multipart form data, with text fields beside it."""
        form = aiohttp.FormData()
        form.add_field("file", data, filename=file_name, content_type=content_type)
        for name, text in (fields or {}).items():
            form.add_field(name, text)
        return await self.call(method, path, data=form, timeout=UPLOAD_TIMEOUT)

    async def every(self, path: str, **query: str | int) -> AsyncIterator[dict[str, Any]]:
        """Yield every item of a list, page by page; `limit` where its pages are smaller."""
        cursor: str | None = None
        while True:
            wanted = {"limit": PAGE_ITEMS, **query, **({"cursor": cursor} if cursor else {})}
            page = await self.get(path, **wanted)
            for item in page["items"]:
                yield item
            cursor = page.get("next_cursor")
            if not cursor:
                return
