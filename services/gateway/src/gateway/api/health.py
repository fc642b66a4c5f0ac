"""`GET /api/health`: what this gateway can reach right now."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any, Literal, cast

from fastapi import APIRouter, Response
from pydantic import BaseModel

from gateway.api.parts import With

router = APIRouter(prefix="/api", tags=["health"])
_CHECK_SECONDS = 2.0


class Check(BaseModel):
    """One thing that was looked at."""

    ok: bool
    milliseconds: float


class Health(BaseModel):
    """`ok`: all is well; `degraded`: messages are taken in, but something else is away;
    `down`: nothing can be taken in (503)."""

    status: Literal["ok", "degraded", "down"]
    checks: dict[str, Check]


@router.get("/health")
async def health(parts: With, response: Response) -> Health:
    """Whether messages are taken in, and what is away. Needs no key."""
    looks: dict[str, Awaitable[Any]] = {
        "database": parts.database.check(),
        "broker": parts.bus.check(),
        "redis": cast(Awaitable[Any], parts.redis.ping()),
    }
    results = await asyncio.gather(*(_look(work) for work in looks.values()))
    checks = dict(zip(looks, results, strict=True))
    if not checks["database"].ok:
        response.status_code = 503
        return Health(status="down", checks=checks)
    return Health(status="ok" if all(check.ok for check in results) else "degraded", checks=checks)


async def _look(work: Awaitable[Any]) -> Check:
    started = time.perf_counter()
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await work
        is_ok = True
    except Exception:  # noqa: BLE001 - whatever it is, it is not well
        is_ok = False
    return Check(ok=is_ok, milliseconds=round((time.perf_counter() - started) * 1000, 2))
