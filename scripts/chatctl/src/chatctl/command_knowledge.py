"""knowledge, qa."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from chatctl.cli import app, console, with_api
from chatctl.document_view import use_table
from chatctl.gateway_api import GatewayApi
from chatctl.overview import whole_table

qa = typer.Typer(no_args_is_help=True, help="Questions that the tenant answers itself.")
app.add_typer(qa, name="qa")


@app.command()
def knowledge() -> None:
    """Show what the tenant's documents take up, and how much they may."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        console.print(use_table(await api.get(f"/api/tenants/{state['CHAT_TENANT_ID']}/knowledge")))

    with_api(work)


@qa.command("add")
def add_pair(
    question: Annotated[str, typer.Argument(help="As a customer would ask it.")],
    answer: Annotated[str, typer.Argument(help="What the bot answers from.")],
    alternative: Annotated[
        list[str] | None, typer.Option("--or", help="Another way to ask it.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", "-t", help="For filters.")] = None,
    language: Annotated[str, typer.Option(help="BCP 47; told from the words if absent.")] = "",
) -> None:
    """Keep a question and its answer."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        body: dict[str, Any] = {"question": question, "answer": answer}
        given = {"alternatives": alternative, "tags": tag, "language": language}
        body |= {name: value for name, value in given.items() if value}
        made = await api.post(pairs_of(state), body)
        console.print(made["document_id"])

    with_api(work)


@qa.command("list")
def list_pairs(
    tag: Annotated[str, typer.Option(help="Only with this tag.")] = "",
    words: Annotated[str, typer.Option(help="Only with this in question or answer.")] = "",
) -> None:
    """List questions and answers, the newest first."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        wish = {name: text for name, text in (("tag", tag), ("words", words)) if text}
        table = whole_table("document", "question", "answer", "tags")
        async for pair in api.every(pairs_of(state), **wish):
            asked = [pair["question"], *pair["alternatives"]]
            table.add_row(
                str(pair["document_id"]),
                escape("\n".join(asked)),
                escape(str(pair["answer"])),
                escape(", ".join(pair["tags"])),
            )
        console.print(table)

    with_api(work)


@qa.command("rm")
def remove_pair(document_ids: Annotated[list[str], typer.Argument(metavar="DOCUMENT")]) -> None:
    """Delete questions with their answers."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        for document_id in document_ids:
            await api.delete(f"{pairs_of(state)}/{document_id}")

    with_api(work)


@qa.command("import")
def import_pairs(
    path: Annotated[
        Path,
        typer.Argument(
            help="CSV in UTF-8: question, answer, and alternatives, language, tags.",
            exists=True,
            dir_okay=False,
        ),
    ],
) -> None:
    """Take a table of questions and answers; known questions get their new answer."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> int:
        told = await api.upload(
            f"{pairs_of(state)}/import", path.name, path.read_bytes(), "text/csv"
        )
        names = ("created", "replaced", "updated", "unchanged", "failed")
        console.print(", ".join(f"{told[name]} {name}" for name in names))
        for problem in told["problems"]:
            console.print(f"line {problem['line']}: {problem['detail']}", markup=False)
        return int(told["failed"])

    if with_api(work):
        raise typer.Exit(1)


def pairs_of(state: dict[str, Any]) -> str:
    """Where the tenant's pairs are in the API."""
    return f"/api/tenants/{state['CHAT_TENANT_ID']}/qa-pairs"
