"""web add, web list, web show, web set, web refresh, web rm."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from chatctl.cli import app, console, with_api
from chatctl.gateway_api import GatewayApi
from chatctl.overview import whole_table

web = typer.Typer(no_args_is_help=True, help="Web pages and sitemaps that are kept fresh.")
app.add_typer(web, name="web")

SOURCE = typer.Argument(metavar="SOURCE", help="Id of a web source.")
_COLORS = {
    "idle": "green", "kept": "green", "fetching": "cyan", "waiting": "cyan", "failing": "red",
    "failed": "red", "gone": "dim", "excluded": "dim", "paused": "dim",
}  # fmt: skip


@web.command("add")
def add_source(
    url: str,
    sitemap: Annotated[bool, typer.Option("--sitemap", help="The address is a sitemap.")] = False,
    every: Annotated[
        int, typer.Option("--every", metavar="HOURS", help="How often to look; 0: when asked.")
    ] = 24,
    include: Annotated[
        list[str] | None, typer.Option("--include", help="Only paths that begin so.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", help="No paths that begin so.")
    ] = None,
    pages: Annotated[int, typer.Option(help="At most so many pages.")] = 500,
    tag: Annotated[list[str] | None, typer.Option("--tag", "-t", help="For filters.")] = None,
    language: Annotated[str, typer.Option(help="BCP 47; as each page says if absent.")] = "",
    name: Annotated[str, typer.Option(help="For people; the host if absent.")] = "",
) -> None:
    """Read a page, or all pages of a sitemap, and keep them fresh."""
    body = {
        "url": url,
        "kind": "sitemap" if sitemap else "page",
        "name": name,
        "refresh_hours": every or None,
        "include": include or [],
        "exclude": exclude or [],
        "pages_max": pages,
        "tags": tag or [],
        "language": language or None,
    }

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        made = await api.post(sources_of(state), body)
        console.print(made["source_id"])

    with_api(work)


@web.command("list")
def list_sources() -> None:
    """List the web sources, the newest first."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        table = whole_table("source", "address", "state", "pages", "failed", "next look")
        async for source in api.every(sources_of(state)):
            table.add_row(
                source["source_id"],
                escape(source["url"]),
                colored(source["state"], source["code"]),
                progress(source),
                str(source["failed"]),
                minute(source["next_look_at"]),
            )
        console.print(table)

    with_api(work)


@web.command("show")
def show_source(source_id: Annotated[str, SOURCE]) -> None:
    """Show a source and what each of its pages came to."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        path = f"{sources_of(state)}/{source_id}"
        shown = await api.get(path, limit=200)
        print_source(shown)
        table = whole_table("document", "address", "state", "looked at", "what to do")
        while True:
            for page in shown["pages"]:
                table.add_row(
                    page["document_id"],
                    escape(page["url"]),
                    colored(page["state"], page["code"]),
                    minute(page["fetched_at"]),
                    escape(page["detail"] or ""),
                )
            if not shown["next_cursor"]:
                break
            shown = await api.get(path, limit=200, cursor=shown["next_cursor"])
        console.print(table)

    with_api(work)


@web.command("set")
def change_source(
    source_id: Annotated[str, SOURCE],
    every: Annotated[
        int | None, typer.Option("--every", metavar="HOURS", help="0: only when asked.")
    ] = None,
    pause: Annotated[bool | None, typer.Option("--pause/--go-on", help="Stop or go on.")] = None,
    pages: Annotated[int | None, typer.Option(help="At most so many pages.")] = None,
    include: Annotated[list[str] | None, typer.Option("--include")] = None,
    exclude: Annotated[list[str] | None, typer.Option("--exclude")] = None,
) -> None:
    """Change how often a source is looked at and what of it, or pause it."""
    given = {"paused": pause, "pages_max": pages, "include": include, "exclude": exclude}
    body: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if every is not None:
        body["refresh_hours"] = every or None

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        print_source(await api.patch(f"{sources_of(state)}/{source_id}", body))

    with_api(work)


@web.command("refresh")
def refresh_source(source_ids: Annotated[list[str], SOURCE]) -> None:
    """Look now."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        for source_id in source_ids:
            print_source(await api.post(f"{sources_of(state)}/{source_id}/refresh"))

    with_api(work)


@web.command("rm")
def remove_source(source_ids: Annotated[list[str], SOURCE]) -> None:
    """Forget sources; the documents of their pages are removed."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        for source_id in source_ids:
            gone = await api.delete(f"{sources_of(state)}/{source_id}")
            console.print(f"{source_id}: {gone['pages']} documents are being removed")

    with_api(work)


def print_source(source: dict[str, Any]) -> None:
    """Print one source in a few lines."""
    console.print(
        f"[bold]{escape(source['choices']['name'])}[/bold] {escape(source['url'])} "
        f"{colored(source['state'], source['code'])}, {progress(source)}, "
        f"{source['changed']} new or changed, {source['failed']} failed; "
        f"next look: {minute(source['next_look_at'])}"
    )
    if source["detail"]:
        console.print(source["detail"], markup=False)


def colored(state: str, code: str | None) -> str:
    """Return a state in its colour, with the code of a failure."""
    color = _COLORS.get(state, "white")
    return f"[{color}]{state}{f' ({code})' if code else ''}[/{color}]"


def progress(source: dict[str, Any]) -> str:
    """Return how many of the pages that were found have been read."""
    return f"{source['fetched']} of {source['found']} pages"


def minute(at: str | None) -> str:
    """Return a time as people read it, UTC."""
    return at[:16].replace("T", " ") if at else "when asked"


def sources_of(state: dict[str, Any]) -> str:
    """Where the tenant's sources are in the API."""
    return f"/api/tenants/{state['CHAT_TENANT_ID']}/web-sources"
