"""search."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chatctl.cli import app, console, with_api
from chatctl.gateway_api import GatewayApi
from chatctl.search_view import print_explained, print_found

PLACES = {"tag": "tags_any", "kind": "kinds", "language": "languages", "document": "document_ids"}


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    top: Annotated[int, typer.Option(help="How many passages.")] = 5,
    explain: Annotated[
        bool, typer.Option("--explain", help="What was searched, each score, and what was cut.")
    ] = False,
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter", help="tag=…, kind=…, language=…, document=…, or the name of a metadata."
        ),
    ] = None,
    rerank: Annotated[
        str, typer.Option(help="none, builtin/maxsim or provider/model; default: the tenant's.")
    ] = "",
    fusion: Annotated[str, typer.Option(help="weighted or rrf; default: the tenant's.")] = "",
) -> None:
    """Show which passages the retriever finds for a question, with their scores."""
    body: dict[str, Any] = {"query": query, "limit": top, "explain": explain}
    if filters:
        body["filter"] = filter_of(filters)
    tuning = {name: text for name, text in (("reranker", rerank), ("fusion", fusion)) if text}
    if tuning:
        body["tuning"] = tuning

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        found = await api.post(f"/api/tenants/{state['CHAT_TENANT_ID']}/search", body)
        print_found(console, found)
        if found.get("explained"):
            print_explained(console, found)

    with_api(work)


def filter_of(given: list[str]) -> dict[str, Any]:
    """`["tag=a", "tag=b", "shop=Zagreb"]` as the API takes it."""
    wanted: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (equals and name and value):
            raise typer.BadParameter(f"--filter name=value, not {text!r}")
        if name in PLACES:
            wanted.setdefault(PLACES[name], []).append(value)
        else:
            wanted.setdefault("metadata", []).append({"name": name, "value": value})
    return wanted
