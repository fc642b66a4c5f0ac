"""The gateway is killed while a large file comes: another one goes on where it stopped."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from pydantic import SecretStr

from embedded import free_port
from gateway.resumable_writing import PIECE_BYTES
from process.settings import variable_name
from testkit import ProcessHarness, eventually_async

from .conftest import ADMIN_KEY, Caller, Tenant
from .test_resumable_uploads import begin, bring, look

pytestmark = pytest.mark.resilience
LINE = b"A line of a large file, number %9d of them.\n"


def environment(settings: Any) -> dict[str, str]:
    found = {}
    for name in settings.model_fields_set:
        value = getattr(settings, name)
        text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        found[variable_name(type(settings), name)] = text
    return found


async def test_a_killed_gateway_costs_a_piece_at_most(
    settings_of: Callable[..., Any], processes: ProcessHarness
) -> None:
    data = b"".join(LINE % number for number in range(250_000))
    assert 2 * PIECE_BYTES < len(data) < 3 * PIECE_BYTES
    port = free_port()
    settings, _ = settings_of(listen=f"127.0.0.1:{port}")
    gateway = processes.spawn("gateway", environment(settings)).wait_ready()
    async with aiohttp.ClientSession() as http:
        call = Caller(f"http://127.0.0.1:{port}", http, ADMIN_KEY)
        slug = {"slug": f"t-{uuid4().hex[:12]}", "name": "Shop"}
        tenant_id = (await call("POST", "/api/tenants", slug)).json["tenant_id"]
        tenant = Tenant(tenant_id, call, f"/api/tenants/{tenant_id}")
        place = (await begin(tenant, len(data))).headers["Location"]

        async def until_killed() -> Any:
            yield data[: 2 * PIECE_BYTES + 1000]
            await asyncio.sleep(3600)

        sending = asyncio.create_task(bring(tenant, place, 0, until_killed()))
        kept = str(2 * PIECE_BYTES)

        async def has_two_pieces() -> bool:
            return (await look(tenant, place)).headers["Upload-Offset"] == kept

        await eventually_async(has_two_pieces, "two pieces are kept")
        gateway.kill()
        with pytest.raises(aiohttp.ClientError):
            await sending
        gateway.start().wait_ready()
        assert (await look(tenant, place)).headers["Upload-Offset"] == kept

        async def goes_on() -> bool:
            answer = await bring(tenant, place, 2 * PIECE_BYTES, data[2 * PIECE_BYTES :])
            assert answer.status in {204, 423}, answer.raw
            return answer.status == 204

        await eventually_async(goes_on, "the dead writer's right ends", 15)
        document_id = (await look(tenant, place)).headers["Chat-Document-Id"]
        saved = await call("GET", f"{tenant.path}/documents/{document_id}/content")
        assert hashlib.sha256(saved.raw).digest() == hashlib.sha256(data).digest()
