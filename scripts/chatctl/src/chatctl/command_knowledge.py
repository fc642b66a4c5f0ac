"""docs, search."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from chatctl.cli import app, console, with_api
from chatctl.gateway_api import GatewayApi
from chatctl.overview import whole_table
from chatctl.seeding import Seeder

docs = typer.Typer(no_args_is_help=True, help="The tenant's documents.")
app.add_typer(docs, name="docs")

GUESSES = {".md": "text/markdown", ".markdown": "text/markdown", ".txt": "text/plain"}


@docs.command("add")
def add(
    paths: Annotated[list[Path], typer.Argument(help="PDF, DOCX, TXT or MD files.", exists=True)],
    wait: Annotated[bool, typer.Option(help="Wait until they can be found.")] = True,
) -> None:
    """Upload documents."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        tenant_id = state["CHAT_TENANT_ID"]
        ids = []
        for path in paths:
            guess = GUESSES.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0]
            kind = guess or "application/octet-stream"
            place = f"/api/tenants/{tenant_id}/documents"
            made = await api.upload(place, path.name, path.read_bytes(), kind)
            ids.append(made["document_id"])
            console.print(f"{made['document_id']}  {path.name}")
        if wait:
            with console.status("reading and indexing"):
                await Seeder(api, "").wait_searchable(tenant_id, ids)
            console.print("They can be asked about now.")

    with_api(work)


@docs.command("list")
def list_documents() -> None:
    """List the documents and their states."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        table = whole_table("document", "title", "stage", "passages", "what to do")
        async for found in api.every(f"/api/tenants/{state['CHAT_TENANT_ID']}/documents"):
            table.add_row(
                str(found["document_id"]),
                str(found["title"]),
                f"{found['stage']} {found['percent']} %" if found["stage"] != "ready" else "ready",
                str(found["passages"]),
                str(found["detail"] or ""),
            )
        console.print(table)

    with_api(work)


@docs.command("rm")
def remove(document_id: str) -> None:
    """Delete a document; the next question cannot see it."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        await api.delete(f"/api/tenants/{state['CHAT_TENANT_ID']}/documents/{document_id}")

    with_api(work)


@docs.command("reindex")
def reindex(document_id: str) -> None:
    """Read and index a document again."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        place = f"/api/tenants/{state['CHAT_TENANT_ID']}/documents/{document_id}/reindex"
        await api.post(place)

    with_api(work)


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    top: Annotated[int, typer.Option(help="How many passages.")] = 5,
    explain: Annotated[bool, typer.Option("--explain", help="Scores of both legs.")] = False,
) -> None:
    """Show which passages the retriever finds for a question, with their scores."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        place = f"/api/tenants/{state['CHAT_TENANT_ID']}/search"
        found = await api.post(place, {"query": query, "limit": top})
        if not found["passages"]:
            console.print(f"nothing: {found.get('reason')}")
        for number, passage in enumerate(found["passages"], 1):
            place = " · ".join(str(p) for p in (passage["title"], passage.get("heading")) if p)
            scores = f"{passage['score']:.3f}"
            if explain:
                legs = (passage["keyword_score"], passage["vector_score"])
                scores += " = keywords {:.3f}, meaning {:.3f}".format(*legs)
            console.print(f"[bold]{number}. {escape(place)}[/bold]  [dim]{scores}[/dim]")
            console.print(f"   {' '.join(passage['text'].split())[:300]}", markup=False)
        if found.get("degraded"):
            console.print("[yellow]only keywords were searched: no embeddings just now[/yellow]")

    with_api(work)
