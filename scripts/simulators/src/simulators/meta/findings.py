"""What Meta's own description finds wrong in requests, answers and webhooks, as they pass by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

if TYPE_CHECKING:
    from simulators.meta.wire_judge import WireJudge

Json = dict[str, Any]
MOST = 1000


class Findings:
    """Keeps what the judge found; empty when all is right, or when nobody judges."""

    def __init__(self, *, enabled: bool) -> None:
        self._judge = _judge() if enabled else None
        self.found: list[Json] = []
        """`{where, errors, body}`, oldest first."""

    @property
    def enabled(self) -> bool:
        """Whether Meta's file was found and somebody asked for judgement."""
        return self._judge is not None

    def clear(self) -> None:
        """Forget what was found."""
        self.found.clear()

    def webhook(self, raw: bytes) -> None:
        """Judge a WhatsApp webhook body that the simulator says."""
        if self._judge is not None:
            body = orjson.loads(raw)
            self._note("webhook", self._judge.webhook_errors(body), body)

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Judge a Graph call's request and answer."""
        answer = await handler(request)
        if self._judge is None or "version" not in request.match_info:
            return answer
        where = f"{request.method} {request.path}"
        if request.content_type == "application/json" and request.can_read_body:
            asked = _json(await request.read())
            if asked is not None and answer.status == 200:
                self._note(f"{where} request", self._judge.request_errors(where, asked), asked)
        if isinstance(answer, web.Response) and isinstance(answer.body, bytes):
            said = _json(answer.body)
            if said is not None:
                self._note(f"{where} answer", self._judge.answer_errors(where, said), said)
        return answer

    def _note(self, where: str, errors: list[str], body: Json) -> None:
        if errors and len(self.found) < MOST:
            self.found.append({"where": where, "errors": errors, "body": body})


def _json(raw: bytes) -> Json | None:
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


@lru_cache(maxsize=1)
def _judge() -> WireJudge | None:
    """The judge, read once in a process; None without the file or the `judge` extra."""
    try:
        from simulators.meta.wire_judge import WireJudge
    except ImportError:
        return None
    return WireJudge.from_file()
