"""What browsers load: the widget's loader and frame, the demo shop, and their bundles."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from gateway.api.parts import Parts, With
from gateway.problems import Problem, not_found

router = APIRouter(include_in_schema=False)

FRESH: Final = {"Cache-Control": "no-cache", "Cross-Origin-Resource-Policy": "cross-origin"}
FOREVER: Final = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_FRAME_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; frame-ancestors 'self'"
)
_DEMO_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_NOT_BUILT: Final = (
    "The chat widget is not built yet.\n\n"
    "Build it once:  cd services/gateway/ui && npm ci && npm run build\n"
    "(make up does it by itself.)\n"
)


@router.get("/")
async def home(parts: With) -> Response:
    """The demo shop where there is one, else the API reference."""
    return RedirectResponse("/demo" if parts.settings.demo_channel_key else "/docs")


@router.get("/widget/v1.js")
async def loader(request: Request, parts: With) -> Response:
    """The one script that a site embeds."""
    return await built_file(parts, request, "widget/v1.js", FRESH)


@router.get("/widget/frame.html")
async def frame(
    request: Request, parts: With, channel: str = Query("", max_length=128)
) -> Response:
    """The chat itself; only pages of the channel's origins may hold it."""
    async with parts.database.system() as tx:
        found = await parts.channels.by_widget_key(tx, channel)
    if found is None:
        raise Problem(404, "unknown_channel", "No web channel has this key.")
    ancestors = " ".join(sorted(found.allowed_origins))
    headers = {
        **FRESH,
        "Content-Security-Policy": f"{_FRAME_CSP} {ancestors}".rstrip(),
        "Referrer-Policy": "no-referrer",
    }
    return await built_file(parts, request, "widget/frame.html", headers)


@router.get("/widget/assets/{name:path}")
async def widget_asset(request: Request, parts: With, name: str) -> Response:
    """A part of the frame; its name changes with its content."""
    return await built_file(parts, request, f"widget/assets/{name}", FOREVER)


@router.get("/demo")
async def demo(request: Request, parts: With) -> Response:
    """A shop with the widget on it."""
    headers = {**FRESH, "Content-Security-Policy": _DEMO_CSP}
    return await built_file(parts, request, "demo/index.html", headers)


@router.get("/demo/")
async def demo_folder() -> Response:
    """The same."""
    return RedirectResponse("/demo")


@router.get("/demo/config.json")
async def demo_configuration(parts: With) -> Response:
    """Which channel the demo shop shows."""
    key = parts.settings.demo_channel_key
    if not key:
        raise Problem(404, "no_demo", "Set CHAT_DEMO_CHANNEL_KEY to a webchat channel's key.")
    return JSONResponse({"channel_key": key}, headers=FRESH)


@router.get("/demo/assets/{name:path}")
async def demo_asset(request: Request, parts: With, name: str) -> Response:
    """A part of the shop."""
    return await built_file(parts, request, f"demo/assets/{name}", FOREVER)


async def built_file(
    parts: Parts, request: Request, path: str, headers: dict[str, str]
) -> Response:
    """A file that `npm run build` made."""
    folder: Path = parts.settings.ui_folder
    if not (folder / "widget" / "v1.js").is_file():
        return PlainTextResponse(_NOT_BUILT, status_code=503, headers={"Retry-After": "60"})
    try:
        response = await StaticFiles(directory=folder).get_response(path, request.scope)
    except HTTPException:
        raise not_found() from None
    response.headers.update(headers)
    return response
