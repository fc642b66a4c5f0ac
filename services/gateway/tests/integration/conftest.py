"""A whole gateway in this process, over real Postgres, RabbitMQ and Redis, and what calls it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
import pytest

import observe
from bus import Bus
from gateway.composition import Gateway, open_gateway
from gateway.config import Settings
from process.life import Life
from testkit import ServiceDatabase, Vhost, eventually_async

ADMIN_KEY = "admin-key-of-the-tests-0123456789"
APP_SECRET = "0123456789abcdef0123456789abcdef"
VERIFY_TOKEN = "verify-me"


@dataclass
class Answered:
    """An HTTP answer, read whole."""

    status: int
    headers: Any
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def code(self) -> str:
        return str(self.json["code"])


@dataclass
class Caller:
    """Calls the gateway over HTTP with a key."""

    url: str
    http: aiohttp.ClientSession
    key: str | None = ADMIN_KEY

    def using(self, key: str | None) -> Caller:
        return Caller(self.url, self.http, key)

    async def __call__(
        self, method: str, path: str, json: Any = None, **arguments: Any
    ) -> Answered:
        headers = dict(arguments.pop("headers", {}))
        if self.key is not None:
            headers.setdefault("Authorization", f"Bearer {self.key}")
        if json is not None:
            arguments["json"] = json
        async with self.http.request(
            method, self.url + path, headers=headers, allow_redirects=False, **arguments
        ) as answer:
            return Answered(answer.status, answer.headers, await answer.read())

    async def webhook(
        self, path: str, body: bytes, secret: str = APP_SECRET, **headers: str
    ) -> Answered:
        headers.setdefault("X-Hub-Signature-256", signature(secret, body))
        headers.setdefault("Content-Type", "application/json")
        return await self.using(None)("POST", path, data=body, headers=headers)


def signature(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@dataclass
class Running:
    """The gateway and everything around it."""

    gateway: Gateway
    call: Caller
    database: ServiceDatabase
    vhost: Vhost
    settings: Settings

    @property
    def url(self) -> str:
        return self.call.url

    async def rows(self, sql: str, *args: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.database.admin_url)
        try:
            return await connection.fetch(sql, *args)
        finally:
            await connection.close()

    async def tenant(self, slug: str | None = None, **settings: Any) -> Tenant:
        """A new tenant with a key of its own."""
        body: dict[str, Any] = {"slug": slug or f"t-{uuid4().hex[:12]}", "name": "A shop"}
        if settings:
            body["settings"] = settings
        made = await self.call("POST", "/api/tenants", body)
        assert made.status == 201, made.raw
        tenant_id = made.json["tenant_id"]
        key = await self.call("POST", f"/api/tenants/{tenant_id}/keys", {"name": "tests"})
        assert key.status == 201, key.raw
        return Tenant(tenant_id, self.call.using(key.json["key"]), f"/api/tenants/{tenant_id}")

    async def web_channel(self, tenant: Tenant, **settings: Any) -> dict[str, Any]:
        body = {"channel_type": "webchat", "name": "Site", "settings": settings}
        made = await tenant.call("POST", f"{tenant.path}/channels", body)
        assert made.status == 201, made.raw
        return dict(made.json)


@dataclass
class Tenant:
    """A tenant, its own key, and its place in the API."""

    tenant_id: str
    call: Caller
    path: str


@dataclass
class Owners:
    """The other services: their buses, on which tests answer what the gateway asks."""

    url: str
    buses: dict[str, Bus] = field(default_factory=dict)

    def of(self, service: str) -> Bus:
        """The bus of a service; register everything before `start`."""
        return self.buses.setdefault(service, Bus(self.url, service=service))

    async def start(self) -> None:
        for bus in self.buses.values():
            await bus.start()
            await bus.until_can_say()

    async def close(self) -> None:
        for bus in self.buses.values():
            await bus.stop_hearing()
            await bus.close()


@pytest.fixture(scope="session", autouse=True)
def traces() -> None:
    """As in a process: every request has a trace id."""
    observe.configure("gateway", level="warning")


@pytest.fixture
def settings_of(
    service_database: Callable[..., ServiceDatabase],
    amqp_vhost: Vhost,
    redis_url: str,
    tmp_path: Path,
) -> Callable[..., tuple[Settings, ServiceDatabase]]:
    """Settings of a gateway over fresh servers."""

    def make(**changes: Any) -> tuple[Settings, ServiceDatabase]:
        database = changes.pop("database", None) or service_database("gateway")
        through = changes.pop("through", lambda url: url)
        fields: dict[str, Any] = {
            "database_url": through(database.url),
            "amqp_url": amqp_vhost.url,
            "redis_url": redis_url,
            "listen": "127.0.0.1:0",
            "public_url": "http://chat.test",
            "admin_key": ADMIN_KEY,
            "key_pepper": "pepper-of-the-tests-0123456789",
            "jwt_secret": "jwt-secret-of-the-tests-0123456789",
            "master_keys": "k1:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=",
            "blob_url": f"file://{tmp_path}/blobs",
            "whatsapp_app_secret": APP_SECRET,
            "whatsapp_verify_token": VERIFY_TOKEN,
            "messenger_app_secret": APP_SECRET,
            "messenger_verify_token": VERIFY_TOKEN,
            "requests_per_minute": 100_000,
            "refusals_per_minute": 100_000,
            "sessions_per_minute": 100_000,
            **changes,
        }
        return Settings(**fields), database

    return make


@pytest.fixture
async def start_gateway(
    settings_of: Callable[..., tuple[Settings, ServiceDatabase]], amqp_vhost: Vhost
) -> AsyncIterator[Callable[..., Any]]:
    """A function that starts a gateway with changed settings."""
    lives: list[Life] = []
    sessions: list[aiohttp.ClientSession] = []

    async def start(**changes: Any) -> Running:
        settings, database = settings_of(**changes)
        life = Life()
        lives.append(life)
        gateway = await open_gateway(settings, life)
        if "amqp_url" not in changes:
            # What is said before is left to the sweep: it would come seconds later.
            await gateway.parts.bus.until_can_say()
        http = aiohttp.ClientSession()
        sessions.append(http)
        call = Caller(f"http://127.0.0.1:{gateway.port}", http)
        return Running(gateway, call, database, amqp_vhost, settings)

    yield start
    for session in sessions:
        await session.close()
    for life in lives:
        async with asyncio.timeout(20):
            await life.close()


@pytest.fixture
async def running(start_gateway: Callable[..., Any]) -> Running:
    """A gateway as it is usually configured."""
    found: Running = await start_gateway()
    return found


@pytest.fixture
async def owners(amqp_vhost: Vhost) -> AsyncIterator[Owners]:
    """The other services."""
    made = Owners(amqp_vhost.url)
    yield made
    await made.close()


__all__ = ["eventually_async"]
