"""Who may come in: the admin key everywhere, a tenant's key at its own tenant only."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from prometheus_client import Counter
from starlette.requests import Request

from gateway import api_keys
from gateway.key_store import KeyStore
from gateway.problems import Problem, not_found, unauthorized
from gateway.rate_limits import RateLimits
from observe import get_logger
from postgres import Database

SCOPES: Final = ("read", "write")
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_REFUSED: Final = Counter("chat_gateway_refused_total", "Requests without a good key.", ["why"])
_log = get_logger("door")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks."""

    kind: Literal["admin", "tenant"]
    tenant_id: UUID | None
    key_id: str | None
    scopes: tuple[str, ...]
    address: str

    @property
    def actor(self) -> str:
        """As it is written in the audit log."""
        return f"key:{self.key_id}" if self.key_id else "admin"


class Door:
    """Admits requests to the API."""

    def __init__(
        self,
        *,
        database: Database,
        keys: KeyStore,
        limits: RateLimits,
        admin_key: str,
        pepper: bytes,
        requests_per_minute: int,
        refusals_per_minute: int,
    ) -> None:
        self._database = database
        self._keys = keys
        self._limits = limits
        self._admin_hash = _hash(admin_key)
        self._pepper = pepper
        self._requests_per_minute = requests_per_minute
        self._refusals_per_minute = refusals_per_minute

    async def admit(
        self, request: Request, *, every_key: bool = False, only_reads: bool = False
    ) -> Principal:
        """Say who asks; a 401, 403, 404 or 429 problem if they may not.

        What belongs to no tenant is the admin's, unless it is for `every_key`; a POST that
        `only_reads` needs no more than a key that reads.
        """
        principal = await self._principal(request)
        if principal is None:
            await self._limits.spend("refusals", _address(request), self._refusals_per_minute)
            raise unauthorized()
        subject = principal.key_id or "admin"
        await self._limits.spend("requests", subject, self._requests_per_minute)
        self._check_scope("GET" if only_reads else request.method, principal)
        if not every_key:
            await self._check_tenant(request, principal)
        return principal

    async def _principal(self, request: Request) -> Principal | None:
        text, address = _credential(request), _address(request)
        if text is None:
            _REFUSED.labels("missing").inc()
            return None
        if hmac.compare_digest(_hash(text), self._admin_hash):
            return Principal("admin", None, None, SCOPES, address)
        key = api_keys.read_key(text)
        if key is None:
            _REFUSED.labels("malformed").inc()
            return None
        return await self._tenant_principal(key, address)

    async def _tenant_principal(self, key: api_keys.ApiKey, address: str) -> Principal | None:
        async with self._database.system() as tx:
            row = await self._keys.for_admission(tx, key.key_id)
            digest = api_keys.digest(key.secret, self._pepper)
            # Compared also when there is no such key: both take the same time.
            right = hmac.compare_digest(digest, row.secret_hmac if row else self._admin_hash)
            if row is None or not right:
                _REFUSED.labels("unknown").inc()
                _log.warning("refused a key", key_id=key.key_id, address=address)
                return None
            if row.stale_use:
                await self._keys.touch(tx, key.key_id)
        if row.state != "active":
            raise Problem(403, "tenant_suspended", "This tenant is suspended.")
        return Principal("tenant", row.tenant_id, key.key_id, tuple(row.scopes), address)

    def _check_scope(self, method: str, principal: Principal) -> None:
        needed = "read" if method in _READING else "write"
        if needed not in principal.scopes:
            raise Problem(403, "missing_scope", f"This key has not the scope `{needed}`.")

    async def _check_tenant(self, request: Request, principal: Principal) -> None:
        text = request.path_params.get("tenant_id")
        if text is None:
            if principal.kind != "admin":
                raise Problem(403, "admin_only", "This needs the admin key.")
            return
        try:
            tenant_id = UUID(str(text))
        except ValueError:
            return  # the route answers 422
        if principal.kind == "tenant":
            if tenant_id != principal.tenant_id:
                raise not_found()
            return
        async with self._database.system() as tx:
            if await self._keys.tenant_state(tx, tenant_id) is None:
                raise not_found()


def _credential(request: Request) -> str | None:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and text.strip():
        return text.strip()
    return request.headers.get("x-api-key") or None


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
