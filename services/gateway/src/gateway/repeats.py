"""`Idempotency-Key`: a creating request that is sent again gets the first answer again."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID, uuid5

import orjson
from starlette.requests import Request
from starlette.responses import Response
from uuid_utils.compat import uuid7

from contracts.v1.shapes import PLATFORM
from gateway.door import Principal
from gateway.problems import Problem
from postgres import Database, Queries
from sealing import KeyRing

HEADER: Final = "Idempotency-Key"
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


class Repeats:
    """Remembers answers for a day, sealed: one of them holds a fresh key."""

    def __init__(self, database: Database, queries: Queries, ring: KeyRing) -> None:
        self._database = database
        self._queries = queries
        self._ring = ring

    async def once(
        self,
        request: Request,
        principal: Principal,
        content: bytes,
        answer: Callable[[], Awaitable[Response]],
    ) -> Response:
        """Answer, or give the answer this key got before (422: other content, 409: running)."""
        key = request.headers.get(HEADER)
        if key is None or request.method != "POST":
            return await answer()
        if not _KEY.fullmatch(key):
            raise Problem(422, "invalid", f"{HEADER} is 1 to 255 printable ASCII characters.")
        place = (tenant_of(request), principal.actor, key)
        head = f"{request.method} {request.url.path}\0".encode()
        fingerprint = hashlib.sha256(head + content).digest()
        earlier = await self._begin(place, fingerprint)
        if earlier is not None:
            return earlier
        try:
            response = await answer()
        except BaseException:
            await self._abandon(place)
            raise
        await self._finish(place, response)
        return response

    async def _begin(self, place: tuple[UUID, str, str], fingerprint: bytes) -> Response | None:
        async with self._database.transaction(place[0]) as tx:
            if await tx.fetchval(self._queries["begin_idempotent"], *place, fingerprint):
                return None
            row = await tx.fetchrow(self._queries["find_idempotent"], *place)
        if row is None or row["fingerprint"] != fingerprint:
            raise Problem(
                422, "idempotency_key_reused", f"This {HEADER} was used for another request."
            )
        if row["status"] is None:
            raise Problem(
                409, "in_progress", "The first request with this key is still running.",
                headers={"Retry-After": "1"},
            )  # fmt: skip
        sealed = orjson.loads(self._ring.unseal(row["sealed_body"], _context(place)))
        return Response(
            sealed["body"].encode(),
            status_code=row["status"],
            headers={"Idempotency-Replayed": "true"},
            media_type=sealed["media_type"],
        )

    async def _finish(self, place: tuple[UUID, str, str], response: Response) -> None:
        body = {
            "body": bytes(response.body).decode(),
            "media_type": response.headers.get("content-type", "application/json"),
        }
        sealed = self._ring.seal(orjson.dumps(body), _context(place))
        async with self._database.transaction(place[0]) as tx:
            await tx.execute(
                self._queries["finish_idempotent"], *place, response.status_code, sealed
            )

    async def _abandon(self, place: tuple[UUID, str, str]) -> None:
        async with self._database.transaction(place[0]) as tx:
            await tx.execute(self._queries["abandon_idempotent"], *place)


def new_id(request: Request, principal: Principal, kind: str) -> UUID:
    """The identity of what a request creates: the same for repeats under one idempotency key."""
    key = request.headers.get(HEADER)
    if key is None:
        identity: UUID = uuid7()
        return identity
    return uuid5(tenant_of(request), f"{kind}\0{principal.actor}\0{key}")


def tenant_of(request: Request) -> UUID:
    """The tenant in the address; the platform where none, or nothing readable, stands there."""
    try:
        return UUID(str(request.path_params.get("tenant_id")))
    except ValueError:
        return PLATFORM


def _context(place: tuple[UUID, str, str]) -> str:
    return f"idempotency:{place[0]}:{place[1]}:{place[2]}"
