"""The dashboard: what a tenant's people load. It asks the API with their key and holds nothing."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import RedirectResponse
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.parts import With
from gateway.widget.pages import FOREVER, FRESH, built_file

router = APIRouter(include_in_schema=False)

_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)


@router.get("/app")
async def app(request: Request, parts: With) -> Response:
    """The page; nobody may put it into a frame."""
    headers = {
        **FRESH,
        "Cross-Origin-Resource-Policy": "same-origin",
        "Content-Security-Policy": _CSP,
        "Referrer-Policy": "no-referrer",
    }
    return await built_file(parts, request, "app/index.html", headers)


@router.get("/app/")
async def app_folder() -> Response:
    """The same."""
    return RedirectResponse("/app")


@router.get("/app/assets/{name:path}")
async def app_asset(request: Request, parts: With, name: str) -> Response:
    """A part of it; its name changes with its content."""
    return await built_file(parts, request, f"app/assets/{name}", FOREVER)
