"""The API reference at /docs: Swagger UI from an installed package, nothing from elsewhere."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Chat platform API</title>
<link rel="icon" href="/docs/assets/favicon.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START: Final = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  validatorUrl: null,
});
"""
_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "trace_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; for programs."},
        "detail": {"type": "string", "description": "One sentence; for people."},
        "trace_id": {"type": "string", "description": "Finds the request in our logs."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
_SHOWN: Final = {
    "400": "The body or a cursor cannot be read.",
    "401": "No valid key.",
    "403": "The key may not do this.",
    "404": "Not there, or not yours.",
    "422": "A field is not right.",
    "429": "Too many requests.",
}
_SHOWN_OF_BODIES: Final = {
    "409": "It collides with what is there, for example a name that is taken.",
    "413": "The body is too large.",
    "415": "The body is of a kind that is not read here.",
}
_SHOWN_OF_PARTS: Final = {
    "502": "The service that owns this could not answer.",
    "503": "A part that this needs is away; Retry-After.",
    "504": "The service that owns this did not answer in time.",
}
# The framework's own shape of a 422; ours is `Problem`.
_NOT_OURS: Final = ("HTTPValidationError", "ValidationError")


def add_reference(app: FastAPI) -> None:
    """Serve /openapi.json (with Meta's webhooks and our problems in it) and /docs."""
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    assets = StaticFiles(packages=[("fastapi_offline", "static")])
    app.mount("/docs/assets", assets, name="reference-assets")
    app.add_route("/docs", _page, include_in_schema=False)
    app.add_route("/docs/start.js", _start, include_in_schema=False)


async def _page(_request: Request) -> Response:
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _CSP})


async def _start(_request: Request) -> Response:
    return Response(_START, media_type="text/javascript")


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        components = schema.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = _PROBLEM
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        for name in _NOT_OURS:
            components["schemas"].pop(name, None)
        for path, operations in schema["paths"].items():
            for operation in operations.values():
                _describe(path, operation)
        schema["paths"] |= _meta_webhooks()
        app.openapi_schema = schema
    return app.openapi_schema


def _describe(path: str, operation: dict[str, Any]) -> None:
    is_guarded = path.startswith("/api/") and path != "/api/health"
    if is_guarded:
        operation["security"] = [{"key": []}]
    if path == "/api/health":
        return
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    shown = _SHOWN | _SHOWN_OF_PARTS
    if "requestBody" in operation:
        shown = shown | _SHOWN_OF_BODIES
    for status, description in sorted(shown.items()):
        operation["responses"][status] = {"description": description, "content": content}


def _meta_webhooks() -> dict[str, Any]:
    handshake = {
        "tags": ["meta"],
        "summary": "Meta's handshake",
        "parameters": [
            {"name": f"hub.{name}", "in": "query", "required": True, "schema": {"type": "string"}}
            for name in ("mode", "verify_token", "challenge")
        ],
        "responses": {"200": {"description": "The challenge."}, "403": {"description": "Wrong."}},
    }
    delivery = {
        "tags": ["meta"],
        "summary": "A signed webhook of Meta",
        "description": "200 only when the raw body is committed; 503 asks Meta to send it again.",
        "parameters": [
            {
                "name": "X-Hub-Signature-256",
                "in": "header",
                "required": True,
                "schema": {"type": "string"},
            }
        ],
        "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": {
            "200": {"description": "Kept."},
            "401": {"description": "The signature does not fit."},
            "413": {"description": "Over 4 MiB."},
            "415": {"description": "Content encoding."},
            "503": {"description": "Could not be kept; Retry-After."},
        },
    }
    own = {
        "name": "channel_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    }
    return {
        "/webhooks/whatsapp": {"get": handshake, "post": delivery},
        "/webhooks/messenger": {"get": handshake, "post": delivery},
        "/webhooks/{channel_id}": {"parameters": [own], "get": handshake, "post": delivery},
    }
