"""Graph's cursor paging over a list that is at hand."""

from __future__ import annotations

import base64
from typing import Any

from aiohttp import web

from simulators.meta.envelope import GraphError

USUAL_LIMIT, MOST = 25, 1000


def page_of(request: web.Request, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """`{data, paging: {cursors, next?, previous?}}` by the query's `limit`, `after`, `before`."""
    try:
        limit = min(int(request.query.get("limit", USUAL_LIMIT)), MOST)
    except ValueError:
        raise GraphError(100, "(#100) Param limit must be an integer") from None
    if limit < 1:
        raise GraphError(100, "(#100) Param limit must be positive")
    start = 0
    if after := request.query.get("after"):
        start = _position(after) + 1
    elif before := request.query.get("before"):
        start = max(0, _position(before) - limit)
    shown = rows[start : start + limit]
    if not shown:
        return {"data": []}
    last = start + len(shown) - 1
    paging: dict[str, Any] = {"cursors": {"before": _cursor(start), "after": _cursor(last)}}
    if last + 1 < len(rows):
        paging["next"] = str(_neighbour(request, "after", _cursor(last)))
    if start > 0:
        paging["previous"] = str(_neighbour(request, "before", _cursor(start)))
    return {"data": shown, "paging": paging}


def chosen(row: dict[str, Any], request: web.Request) -> dict[str, Any]:
    """Only the asked `fields` of an object, and always its id."""
    asked = request.query.get("fields", "")
    if not asked:
        return row
    names = {name.partition("{")[0].partition("(")[0].strip() for name in asked.split(",")}
    return {key: value for key, value in row.items() if key in names or key == "id"}


def _neighbour(request: web.Request, name: str, cursor: str) -> Any:
    kept = {k: v for k, v in request.query.items() if k not in ("after", "before", "access_token")}
    return (request.url.origin() / request.path.lstrip("/")).with_query({**kept, name: cursor})


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"at:{position}".encode()).decode()


def _position(cursor: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor).decode().removeprefix("at:"))
    except ValueError:
        raise GraphError(100, "(#100) Invalid cursor") from None
