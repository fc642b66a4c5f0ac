"""questions: what customers ask, and which documents should answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from chatctl.cli import app, console, with_api
from chatctl.evaluation.own_questions import QuestionSets, judged, read_questions
from chatctl.gateway_api import GatewayApi
from chatctl.overview import whole_table

questions = typer.Typer(
    no_args_is_help=True, help="Questions with the documents that answer them, for `eval --set`."
)
app.add_typer(questions, name="questions")


@questions.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="SET", help="Made if there is none.")],
    question: Annotated[str, typer.Argument(help="As a customer would ask it.")],
    documents: Annotated[list[str], typer.Argument(help="Id, own id, title or file name.")],
) -> None:
    """Add a question and the documents that answer it."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        sets = QuestionSets(api, state["CHAT_TENANT_ID"])
        item = judged(question, documents, await sets.documents())
        count = await sets.add(await sets.made(name), [item])
        console.print(f"{name}: {count} questions", markup=False)

    with_api(work)


@questions.command("import")
def import_questions(
    name: Annotated[str, typer.Argument(metavar="SET", help="Made if there is none.")],
    file: Annotated[
        Path,
        typer.Argument(help="CSV (question, document, grade) or JSON lines.", exists=True),
    ],
) -> None:
    """Add the questions of a file; documents are named by id, own id, title or file name."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        sets = QuestionSets(api, state["CHAT_TENANT_ID"])
        items = read_questions(file.read_text("utf-8-sig"), await sets.documents())
        count = await sets.add(await sets.made(name), items)
        console.print(f"{name}: {count} questions", markup=False)

    with_api(work)


@questions.command("list")
def list_questions(
    name: Annotated[str, typer.Argument(metavar="SET", help="Default: all sets.")] = "",
) -> None:
    """List the sets, or the questions of one."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        sets = QuestionSets(api, state["CHAT_TENANT_ID"])
        if name:
            table = whole_table("question", "documents")
            for one in await sets.questions(await sets.named(name)):
                answers = ", ".join(f"{r['document_id']} ({r['grade']:g})" for r in one["relevant"])
                table.add_row(escape(one["question"]), answers)
        else:
            table = whole_table("set", "questions", "id")
            for one in await sets.all():
                table.add_row(escape(one["name"]), str(one["questions"]), one["set_id"])
        console.print(table)

    with_api(work)
