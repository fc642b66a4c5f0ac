"""What browsers load: loader, frame, demo shop, API reference; headers and caches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Running

ORIGIN = "https://shop.example"


@pytest.fixture
def ui(tmp_path: Path) -> Path:
    """A built widget in miniature."""
    folder = tmp_path / "static"
    for name, text in {
        "widget/v1.js": "loader()",
        "widget/frame.html": "<!doctype html>",
        "widget/assets/frame-abc.js": "frame()",
        "demo/index.html": "<!doctype html>",
        "demo/assets/demo-abc.css": "body{}",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (tmp_path / "secret.txt").write_text("secret")
    return folder


async def test_widget_and_demo(start_gateway: Callable[..., Any], ui: Path) -> None:
    running: Running = await start_gateway(ui_folder=ui, demo_channel_key="wch_demo")
    call = running.call.using(None)
    loader = await call("GET", "/widget/v1.js")
    assert (loader.status, loader.raw) == (200, b"loader()")
    assert loader.headers["Cache-Control"] == "no-cache"
    assert loader.headers["X-Content-Type-Options"] == "nosniff"
    same = await call("GET", "/widget/v1.js", headers={"If-None-Match": loader.headers["ETag"]})
    assert same.status == 304
    asset = await call("GET", "/widget/assets/frame-abc.js")
    assert "immutable" in asset.headers["Cache-Control"]
    for path in ("/widget/assets/none.js", "/widget/assets/../../../secret.txt", "/widget/assets/"):
        assert (await call("GET", path)).status == 404
    escaped = await call("GET", "/widget/assets/%2e%2e/%2e%2e/%2e%2e/secret.txt")
    assert escaped.status == 404
    tenant = await running.tenant()
    channel = await running.web_channel(tenant, allowed_origins=[ORIGIN])
    frame = await call("GET", f"/widget/frame.html?channel={channel['external_id']}")
    assert frame.status == 200
    policy = frame.headers["Content-Security-Policy"]
    assert policy.endswith(f"frame-ancestors 'self' {ORIGIN}")
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert (await call("GET", "/widget/frame.html?channel=wch_x")).code == "unknown_channel"
    assert (await call("GET", "/demo")).status == 200
    assert (await call("GET", "/demo/config.json")).json == {"channel_key": "wch_demo"}
    assert (await call("GET", "/")).headers["Location"] == "/demo"


async def test_without_a_bundle_the_page_names_the_command(
    start_gateway: Callable[..., Any], tmp_path: Path
) -> None:
    running: Running = await start_gateway(ui_folder=tmp_path / "nothing")
    page = await running.call.using(None)("GET", "/demo")
    assert page.status == 503
    assert b"npm run build" in page.raw
    assert (await running.call.using(None)("GET", "/demo/config.json")).code == "no_demo"


async def test_the_reference_needs_nothing_from_elsewhere(running: Running) -> None:
    call = running.call.using(None)
    page = await call("GET", "/docs")
    assert page.status == 200
    assert b"http" not in page.raw
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    for asset in ("swagger-ui.css", "swagger-ui-bundle.js", "favicon.png"):
        assert (await call("GET", f"/docs/assets/{asset}")).status == 200
    schema = (await call("GET", "/openapi.json")).json
    assert "/webhooks/whatsapp" in schema["paths"]
    documents = schema["paths"]["/api/tenants/{tenant_id}/documents"]["post"]
    assert "multipart/form-data" in documents["requestBody"]["content"]
    assert documents["security"] == [{"key": []}]


async def test_the_reference_says_how_each_request_can_fail(running: Running) -> None:
    schema = (await running.call.using(None)("GET", "/openapi.json")).json
    listed = schema["paths"]["/api/tenants/{tenant_id}/documents"]
    assert {"401", "404", "413", "415", "422", "429", "503"} <= set(listed["post"]["responses"])
    assert not {"413", "415"} & set(listed["get"]["responses"])
    refused = listed["post"]["responses"]["422"]["content"]["application/problem+json"]["schema"]
    assert refused == {"$ref": "#/components/schemas/Problem"}
    assert "HTTPValidationError" not in str(schema)


async def test_the_dashboard_is_framed_by_nobody(
    start_gateway: Callable[..., Any], ui: Path
) -> None:
    (ui / "app/assets").mkdir(parents=True)
    (ui / "app/index.html").write_text("<!doctype html>")
    (ui / "app/assets/index-abc.js").write_text("app()")
    running: Running = await start_gateway(ui_folder=ui)
    call = running.call.using(None)
    page = await call("GET", "/app")
    assert page.status == 200
    policy = page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "immutable" in (await call("GET", "/app/assets/index-abc.js")).headers["Cache-Control"]


async def test_every_key_is_told_what_it_opens(running: Running) -> None:
    tenant = await running.tenant()
    mine = (await tenant.call("GET", "/api/me")).json
    assert (mine["kind"], mine["tenant_id"]) == ("tenant", tenant.tenant_id)
    assert mine["scopes"] == ["read", "write"]
    assert (await running.call("GET", "/api/me")).json["kind"] == "admin"
    assert (await running.call.using(None)("GET", "/api/me")).status == 401
    assert (await tenant.call("GET", "/api/tenants")).code == "admin_only"
